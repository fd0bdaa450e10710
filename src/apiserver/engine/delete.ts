import { equalJson } from '#api/machinery/equal.ts';
import { type KubeObject, metaOf } from '#api/machinery/object.ts';
import { conflict, notFound } from '#api/machinery/status-error.ts';
import { formatTime } from '#api/machinery/time.ts';
import type { Entry } from '#apiserver/cache/entry.ts';
import { WriteConflict } from '#apiserver/storage/storage.ts';
import { NO_PLAN } from './companions.ts';
import {
  endsInTwoSteps,
  gracePeriod,
  keepsGracePeriod,
  markTerminating,
  orphansByDefault,
} from './deletion-rules.ts';
import {
  byKind,
  copyOf,
  currentEntry,
  type Engine,
  entryAfter,
  keyOf,
  type ObjectId,
  type Outcome,
  type Scope,
  storedText,
  view,
} from './engine.ts';
import { isFinished } from './update.ts';

export type Propagation = 'Orphan' | 'Background' | 'Foreground';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagation?: Propagation | undefined;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

/**
 * Deletes an object, or begins to: with finalizers or a grace period it gets a deletionTimestamp
 * and stays. `deleted` tells which.
 */
export async function deleteObject(
  engine: Engine,
  id: ObjectId,
  options: DeleteOptions,
  scope: Scope,
): Promise<Outcome> {
  await engine.admission.admit({ operation: 'delete', ...id, subresource: '', ...scope });
  for (;;) {
    const entry = currentEntry(engine, id);
    if (entry === undefined) throw notFound(id.served.kind, id.name);
    const object = copyOf(id.served, entry);
    checkPreconditions(id, options, entry, object);
    prepare(engine, id, options, object);
    try {
      const changed = !equalJson(object.metadata, view(id.served, entry).metadata);
      const wasTerminating = entry.object.metadata?.deletionTimestamp !== undefined;
      const removable = isFinished(object) && (wasTerminating || !endsInTwoSteps(id.served.storedAs));
      if (removable && !(wasTerminating && changed)) return await remove(engine, id, entry, object, scope);
      if (!changed) return { entry, result: 'unchanged' };
      const marked = await mark(engine, id, entry, object, scope);
      // A wait that was cut short is seen by watchers before the end.
      if (!removable || scope.dryRun) return marked;
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
}

function checkPreconditions(
  { served, name }: ObjectId,
  { uid, resourceVersion }: DeleteOptions,
  entry: Entry,
  object: KubeObject,
): void {
  const actual = metaOf(object).uid ?? '';
  if (uid !== undefined && uid !== actual) {
    throw conflict(
      byKind(served),
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${actual}`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== String(entry.revision)) {
    const why = `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${entry.revision}`;
    throw conflict(byKind(served), name, why);
  }
}

/** Writes into the object what its deletion means for it. */
function prepare(engine: Engine, { served }: ObjectId, options: DeleteOptions, object: KubeObject): void {
  const meta = metaOf(object);
  setFinalizers(meta, options.propagation ?? implied(served.storedAs, meta));
  const grace = gracePeriod(served.storedAs, object, options.gracePeriodSeconds) ?? 0;
  if (meta.deletionTimestamp === undefined) {
    if (keepsGracePeriod(served.storedAs)) meta.deletionGracePeriodSeconds = grace;
    meta.deletionTimestamp = formatTime(engine.now() + grace * 1000);
    if (meta.generation !== undefined) meta.generation += 1;
    markTerminating(served.storedAs, object);
    return;
  }
  // Later deletes can only shorten the wait.
  const left = meta.deletionGracePeriodSeconds ?? 0;
  if (options.gracePeriodSeconds === undefined || grace >= left) return;
  meta.deletionGracePeriodSeconds = grace;
  meta.deletionTimestamp = formatTime(Date.parse(meta.deletionTimestamp) - (left - grace) * 1000);
}

/** Without an explicit policy the finalizers that stand there stay; some kinds orphan by default. */
function implied(
  resource: string,
  { finalizers = [] }: { finalizers?: string[] | undefined },
): Propagation | undefined {
  if (finalizers.includes('orphan') || finalizers.includes('foregroundDeletion')) return undefined;
  return orphansByDefault(resource) ? 'Orphan' : undefined;
}

function setFinalizers(
  meta: { finalizers?: string[] | undefined },
  propagation: Propagation | undefined,
): void {
  if (propagation === undefined) return;
  const others = (meta.finalizers ?? []).filter((name) => name !== 'orphan' && name !== 'foregroundDeletion');
  if (propagation === 'Orphan') others.push('orphan');
  if (propagation === 'Foreground') others.push('foregroundDeletion');
  if (others.length > 0) meta.finalizers = others;
  else delete meta.finalizers;
}

async function remove(
  engine: Engine,
  id: ObjectId,
  entry: Entry,
  object: KubeObject,
  { dryRun }: Scope,
): Promise<Outcome> {
  // What has a grace period is answered as it ends, everything else as it last was.
  const graceful = gracePeriod(id.served.storedAs, object, undefined) !== undefined;
  const last = graceful ? storedText(id.served, object) : undefined;
  const outcome = (revision: number): Outcome => ({
    entry: last === undefined ? entry : entryAfter(engine, id, last, revision),
    result: 'deleted',
  });
  if (dryRun) return outcome(0);
  const plan = engine.companions.get(id.served.storedAs)?.delete(object) ?? NO_PLAN;
  try {
    const write = {
      resource: id.served.storedAs,
      key: keyOf(id),
      stored: undefined,
      expectedRevision: entry.revision,
    };
    const [revision = 0] = await engine.cache.write(write, ...plan.writes);
    return outcome(revision);
  } finally {
    plan.done();
  }
}

async function mark(
  engine: Engine,
  id: ObjectId,
  entry: Entry,
  object: KubeObject,
  { dryRun }: Scope,
): Promise<Outcome> {
  const stored = storedText(id.served, object);
  if (dryRun) return { entry: entryAfter(engine, id, stored, 0), result: 'updated' };
  const write = { resource: id.served.storedAs, key: keyOf(id), stored, expectedRevision: entry.revision };
  const [revision = 0] = await engine.cache.write(write);
  return { entry: entryAfter(engine, id, stored, revision), result: 'updated' };
}
