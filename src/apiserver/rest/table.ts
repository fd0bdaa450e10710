import type { KindInfo } from '#api/machinery/kinds.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { badRequest } from '#api/machinery/status-error.ts';
import { tableColumns, tableRow } from '#api/machinery/table.ts';
import type { ListMeta } from './representation.ts';

/** Objects as a meta/v1 Table; `includeObject` says what each row carries. Throws 400. */
export function tableOf(
  kind: KindInfo,
  objects: readonly KubeObject[],
  metadata: ListMeta,
  apiVersion: string,
  includeObject: string,
): object {
  return {
    kind: 'Table',
    apiVersion,
    metadata,
    columnDefinitions: tableColumns(kind),
    rows: objects.map((object) => ({
      ...tableRow(kind, object),
      object: rowObject(object, apiVersion, includeObject),
    })),
  };
}

function rowObject(object: KubeObject, apiVersion: string, include: string): unknown {
  switch (include) {
    case 'None':
      return null;
    case 'Object':
      return object;
    case 'Metadata':
    case '':
      return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
    default:
      throw badRequest(`unrecognized includeObject value: ${JSON.stringify(include)}`);
  }
}
