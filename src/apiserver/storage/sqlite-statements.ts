import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { StorageEvent, Stored } from './storage.ts';

/** The statements of the SQLite storage, prepared once, with typed parameters and rows. */
export interface Statements {
  newestRevision(): number;
  compacted(): number;
  /** The newest row of a key; `value` is null when it is a deletion. */
  newest(key: string): { revision: number; value: string | null } | undefined;
  append(revision: number, key: string, value: string | null, previous: number): void;
  /** Live keys in (from, to) at a revision, ordered; `limit` -1: all. */
  listAt(from: string, to: string, revision: number, limit: number): Stored[];
  eventsAfter(revision: number): StorageEvent[];
  /** Forgets what was replaced or deleted by the revisions in (from, to]. */
  compact(from: number, to: number): void;
}

export function prepareStatements(database: DatabaseSync): Statements {
  const newestRevision = database.prepare('SELECT max(revision) AS number FROM revisions');
  const readState = database.prepare("SELECT number FROM state WHERE name = 'compacted'");
  const writeState = database.prepare(
    "INSERT INTO state VALUES ('compacted', ?) ON CONFLICT (name) DO UPDATE SET number = excluded.number",
  );
  const newest = database.prepare(
    'SELECT revision, value FROM revisions WHERE key = ? ORDER BY revision DESC LIMIT 1',
  );
  const append = database.prepare(
    'INSERT INTO revisions (revision, key, value, previous) VALUES (?, ?, ?, ?)',
  );
  const list = database.prepare(`
    SELECT key, revision, value FROM revisions AS row
    WHERE key > ? AND key < ? AND revision <= ? AND value IS NOT NULL
      AND revision = (SELECT max(revision) FROM revisions WHERE key = row.key AND revision <= ?)
    ORDER BY key LIMIT ?`);
  const events = database.prepare(`
    SELECT change.key, change.revision, change.value, old.value AS previous
    FROM revisions AS change LEFT JOIN revisions AS old ON old.revision = change.previous
    WHERE change.revision > ? ORDER BY change.revision`);
  const forgetReplaced = database.prepare(
    'DELETE FROM revisions WHERE revision IN (SELECT previous FROM revisions WHERE revision > ? AND revision <= ?)',
  );
  const forgetDeletions = database.prepare(
    'DELETE FROM revisions WHERE revision > ? AND revision <= ? AND value IS NULL',
  );
  return {
    newestRevision: () => numberOf(newestRevision.get()?.['number']),
    compacted: () => numberOf(readState.get()?.['number']),
    newest(key) {
      const row = newest.get(key);
      return row && { revision: numberOf(row['revision']), value: textOf(row['value']) ?? null };
    },
    append: (revision, key, value, previous) => void append.run(revision, key, value, previous),
    listAt: (from, to, revision, limit) =>
      list.all(from, to, revision, revision, limit).map((row) => ({
        key: textOf(row['key']) ?? '',
        revision: numberOf(row['revision']),
        value: textOf(row['value']) ?? '',
      })),
    eventsAfter: (revision) =>
      events.all(revision).map((row) => ({
        key: textOf(row['key']) ?? '',
        revision: numberOf(row['revision']),
        value: textOf(row['value']),
        previous: textOf(row['previous']),
      })),
    compact(from, to) {
      forgetReplaced.run(from, to);
      forgetDeletions.run(from, to);
      writeState.run(to);
    },
  };
}

function numberOf(value: SQLOutputValue | undefined): number {
  return typeof value === 'number' ? value : 0;
}

function textOf(value: SQLOutputValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
