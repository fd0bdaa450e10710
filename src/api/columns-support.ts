// Rows of Tables for tests: an object's cells an hour after it was made.
import assert from 'node:assert/strict';
import { canonicalize } from './machinery/canonical.ts';
import { kindFor } from './machinery/kinds.ts';
import { tableRow } from './machinery/table.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
export const META = { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' };

/** The cells of an object of `GROUP/VERSION/PLURAL`, made canonical first. */
export function cellsOf(resource: string, object: object): unknown[] {
  const [plural = '', version = '', group = ''] = resource.split('/').reverse();
  const kind = kindFor(group, version, plural);
  assert.ok(kind, resource);
  return tableRow(kind, canonicalize(kind.type, { metadata: META, ...object }), NOW).cells;
}
