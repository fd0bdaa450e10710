import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StorageError } from './storage.ts';

/** Raised with every change of the tables; a file of a newer program is refused. */
const FORMAT = 1;

/**
 * One row per change, never updated: `value` is null for a deletion, `previous` is the revision that
 * the row replaced (0: none). `state` holds the newest revision that compaction has dealt with.
 */
const TABLES = `
  CREATE TABLE IF NOT EXISTS revisions (
    revision INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    value TEXT,
    previous INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS revisions_by_key ON revisions (key, revision);
  CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT;
`;

/** Opens (or makes) the file. The lock on it is held until it is closed: one server per file. */
export function openDatabase(path: string): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const database = new DatabaseSync(path);
    try {
      prepare(database, path);
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw new StorageError(`cannot open ${path}: ${explain(error)}`, { cause: error });
  }
}

function prepare(database: DatabaseSync, path: string): void {
  database.exec('PRAGMA locking_mode = EXCLUSIVE');
  // In WAL mode NORMAL survives the end of the process at any moment; only a power cut may cost the last writes.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  const format = Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
  if (format > FORMAT) {
    throw new StorageError(
      `${path} has format ${format}, written by a newer version of portolan; this version reads up to ${FORMAT}`,
    );
  }
  database.exec(`BEGIN IMMEDIATE; ${TABLES} PRAGMA user_version = ${FORMAT}; COMMIT`);
}

function explain(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.includes('locked') ? 'another process uses it' : message;
}
