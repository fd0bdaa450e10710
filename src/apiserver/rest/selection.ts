import { decodeParsed } from '#api/machinery/decode.ts';
import { type FieldRequirement, matchesFields } from '#api/machinery/field-selector.ts';
import { matchesLabels } from '#api/machinery/label-selector.ts';
import { badRequest } from '#api/machinery/status-error.ts';
import type { Entry } from '#apiserver/cache/entry.ts';
import { view } from '#apiserver/engine/engine.ts';
import type { Served } from '#apiserver/engine/resources.ts';
import type { ListOptions } from './list-options.ts';

/** Which objects of a resource a request is about. */
export interface Selection {
  /** Undefined: all of them. */
  readonly namespace: string | undefined;
  readonly matches: (entry: Entry) => boolean;
  /** Some selector narrows the selection. */
  readonly narrow: boolean;
}

/** Throws 400 when the fields asked for cannot be selected by. `name`: only the object of this name. */
export function selection(
  served: Served,
  namespace: string,
  options: Pick<ListOptions, 'labels' | 'fields'>,
  name = '',
): Selection {
  checkFields(served, options.fields);
  const fields =
    name === ''
      ? options.fields
      : [...options.fields, { field: 'metadata.name', operator: '=' as const, value: name }];
  const { labels } = options;
  const narrow = labels.length > 0 || fields.length > 0;
  const matches = (entry: Entry): boolean =>
    (fields.length === 0 || matchesFields(fields, fieldsOf(served, entry, fields))) &&
    (labels.length === 0 || matchesLabels(labels, entry.object.metadata?.labels));
  return {
    namespace: namespace === '' ? undefined : namespace,
    matches: narrow ? matches : () => true,
    narrow,
  };
}

/** Name and namespace are in the key: most watches need not look into the object. */
function fieldsOf(served: Served, entry: Entry, fields: readonly FieldRequirement[]): Record<string, string> {
  if (!fields.every(({ field }) => field === 'metadata.name' || field === 'metadata.namespace')) {
    return served.strategy.selectableFields(view(served, entry));
  }
  const namespace = entry.namespace ?? '';
  return {
    'metadata.namespace': namespace,
    'metadata.name': namespace === '' ? entry.key : entry.key.slice(namespace.length + 1),
  };
}

function checkFields(served: Served, fields: readonly FieldRequirement[]): void {
  if (fields.length === 0) return;
  const { object: empty } = decodeParsed({ value: {}, duplicates: [] }, served.kind);
  const known = served.strategy.selectableFields(empty);
  const generic = Object.keys(known).every((field) => field.startsWith('metadata.'));
  // Kinds without fields of their own take both, whether they have namespaces or not.
  const unknown = fields.find(
    ({ field }) => !Object.hasOwn(known, field) && !(generic && field === 'metadata.namespace'),
  );
  if (unknown === undefined) return;
  throw badRequest(
    generic
      ? `${JSON.stringify(unknown.field)} is not a known field selector: only "metadata.name", "metadata.namespace"`
      : `field label not supported: ${unknown.field}`,
  );
}
