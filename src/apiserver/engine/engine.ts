import type { KubeObject } from '#api/machinery/object.ts';
import type { Admission } from '#apiserver/admission/admission.ts';
import type { User } from '#apiserver/auth/types.ts';
import { type Cache, objectKey } from '#apiserver/cache/cache.ts';
import { Entry } from '#apiserver/cache/entry.ts';
import { toStoredText } from '#apiserver/cache/stored-form.ts';
import type { Companions } from './companions.ts';
import { type Served, toStorage } from './resources.ts';

/** What all operations on objects work with. */
export interface Engine {
  readonly cache: Cache;
  readonly admission: Admission;
  /** What is written together with objects of some kinds, by `storedAs`: service addresses. */
  readonly companions: ReadonlyMap<string, Companions>;
  readonly now: () => number;
}

/** What a request brings along, whatever it does. */
export interface Scope {
  readonly user: User;
  /** Everything is done but the writing. */
  readonly dryRun: boolean;
  /** Collects texts for Warning headers. */
  readonly warnings: string[];
}

/** The object of an operation. */
export interface ObjectId {
  readonly served: Served;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
}

/** An object and how it came out of an operation. */
export interface Outcome {
  readonly entry: Entry;
  readonly result: 'created' | 'updated' | 'unchanged' | 'deleted';
}

export function keyOf({ namespace, name }: ObjectId): string {
  return objectKey(namespace, name);
}

export function currentEntry(engine: Engine, id: ObjectId): Entry | undefined {
  return engine.cache.resource(id.served.storedAs).get(keyOf(id));
}

/** The object of an entry in the version served, shared (not to be modified) unless it had to be converted. */
export function view(served: Served, entry: Entry): KubeObject {
  return served.conversion === undefined ? entry.object : served.conversion.fromStored(entry.object);
}

/** A private copy of the same. */
export function copyOf(served: Served, entry: Entry): KubeObject {
  return served.conversion === undefined ? entry.copy() : served.conversion.fromStored(entry.copy());
}

/** How messages about failed preconditions name the resource: by its kind. */
export function byKind({ kind }: Served): { group: string; plural: string } {
  return { group: kind.group, plural: kind.kind };
}

/** What to store for an object of a served version. */
export function storedText(served: Served, object: KubeObject): string {
  return toStoredText(toStorage(served, object));
}

/** The entry that a write made, or would have made (revision 0: a dry run). */
export function entryAfter(engine: Engine, id: ObjectId, stored: string, revision: number): Entry {
  const cached = currentEntry(engine, id);
  return revision !== 0 && cached?.revision === revision ? cached : new Entry(keyOf(id), stored, revision);
}
