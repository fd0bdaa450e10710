// meta/v1 Table: the columns of `kubectl get` and one row of cells per object. Columns come from the schema, cells from
// the kind (src/api/columns.ts); kinds without columns of their own show their name and when they were created.
import { cellsFor } from '#api/columns.ts';
import type { Pod } from '#api/core/v1.gen.ts';
import type { TableColumnDefinition, TableRowCondition } from '#api/meta/v1.gen.ts';
import type { KindInfo } from './kinds.ts';
import type { KubeObject } from './object.ts';
import { type ColumnFact, schema } from './schema.ts';

/** The cells of one object (numbers and booleans stay what they are), and conditions where it is over. */
export interface RowCells {
  readonly cells: unknown[];
  readonly conditions?: TableRowCondition[];
}

type NamedKind = Pick<KindInfo, 'group' | 'kind'>;

function factsOf({ group, kind }: NamedKind): readonly ColumnFact[] {
  // events.k8s.io serves the core group's events under another shape, with the same columns.
  const owner = group === '' || group === 'events.k8s.io' ? 'core' : group;
  return schema.tables[`${owner}/${kind}`] ?? schema.tables['default'] ?? [];
}

/** The column definitions of a kind, those for `-o wide` (priority 1) included. */
export function tableColumns(kind: NamedKind): TableColumnDefinition[] {
  return factsOf(kind).map(({ name, type, format = '', priority = 0 }) => ({
    name,
    type,
    format,
    description: '',
    priority,
  }));
}

/** The cells of an object, one per column. Ages are as of `nowMs`. */
export function tableRow(kind: NamedKind, object: KubeObject, nowMs: number = Date.now()): RowCells {
  const cells = cellsFor(kind);
  if (cells !== undefined) return { cells: cells(object, nowMs), ...completion(kind, object) };
  return { cells: [object.metadata?.name ?? '', object.metadata?.creationTimestamp ?? null] };
}

/** A pod that has run to its end is marked, so that clients can filter it. */
function completion({ group, kind }: NamedKind, object: KubeObject): { conditions?: TableRowCondition[] } {
  const { phase } = (object as Pod).status ?? {};
  if (group !== '' || kind !== 'Pod' || (phase !== 'Succeeded' && phase !== 'Failed')) return {};
  const message = phase === 'Succeeded' ? 'The pod has completed successfully.' : 'The pod failed.';
  return { conditions: [{ type: 'Completed', status: 'True', reason: phase, message }] };
}
