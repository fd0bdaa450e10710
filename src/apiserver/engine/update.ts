import { equalJson } from '#api/machinery/equal.ts';
import { invalid as invalidField } from '#api/machinery/field-error.ts';
import { type KubeObject, metaOf } from '#api/machinery/object.ts';
import { conflict, invalid, notFound, STALE_OBJECT, unclassified } from '#api/machinery/status-error.ts';
import type { Entry } from '#apiserver/cache/entry.ts';
import { WriteConflict } from '#apiserver/storage/storage.ts';
import { NO_PLAN } from './companions.ts';
import { createObject } from './create.ts';
import {
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

/** A change of one object. */
export interface Change {
  readonly id: ObjectId;
  /** '' changes the object, `status` its status only; others change what `change` changes. */
  readonly subresource: string;
  /**
   * Makes the wanted object (decoded) out of a private copy of the present one. Runs again when
   * somebody else was faster. `current` is undefined only when `mayCreate`.
   */
  readonly change: (current: KubeObject | undefined) => KubeObject | Promise<KubeObject>;
  /** An object that does not exist is created. */
  readonly mayCreate?: boolean;
  /** Leaves strategy and validation out: the server itself changes metadata or bookkeeping. */
  readonly raw?: boolean;
}

/** Changes an object. Optimistic: reads, computes, writes if nobody else has written meanwhile, else again. */
export async function updateObject(engine: Engine, request: Change, scope: Scope): Promise<Outcome> {
  const { id } = request;
  for (;;) {
    const entry = currentEntry(engine, id);
    const wanted = await request.change(entry && copyOf(id.served, entry));
    if (entry === undefined) {
      if (!request.mayCreate) throw notFound(id.served.kind, id.name);
      return createObject(engine, id.served, id.namespace, wanted, scope);
    }
    const known = scope.warnings.length;
    try {
      return await replace(engine, request, entry, wanted, scope);
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
      scope.warnings.length = known;
    }
  }
}

async function replace(
  engine: Engine,
  request: Change,
  entry: Entry,
  wanted: KubeObject,
  scope: Scope,
): Promise<Outcome> {
  const { id, subresource } = request;
  const { strategy } = id.served;
  const old = view(id.served, entry);
  checkVersion(id, wanted, entry);
  if (request.raw !== true) {
    strategy.defaults(wanted);
    await engine.admission.admit({ operation: 'update', ...id, subresource, ...scope, object: wanted, old });
    if (subresource === 'status') strategy.prepareForStatusUpdate(wanted, old);
    else strategy.prepareForUpdate(wanted, old);
    delete metaOf(wanted).managedFields;
  }
  metaOf(wanted).resourceVersion = String(entry.revision);
  return writeChanged(engine, request, entry, wanted, old, scope);
}

function checkVersion({ served, name }: ObjectId, wanted: KubeObject, entry: Entry): void {
  const { resourceVersion } = metaOf(wanted);
  const resource = { group: served.kind.group, kind: served.kind.plural };
  if (resourceVersion === undefined || resourceVersion === '') {
    if (!served.strategy.allowUnconditionalUpdate) {
      throw invalid(resource, name, [
        invalidField('metadata.resourceVersion', 0, 'must be specified for an update'),
      ]);
    }
  } else if (resourceVersion !== String(entry.revision)) {
    if (!/^\d+$/.test(resourceVersion))
      throw unclassified(`invalid resource version ${JSON.stringify(resourceVersion)}`);
    throw conflict(served.kind, name, STALE_OBJECT);
  }
}

async function writeChanged(
  engine: Engine,
  request: Change,
  entry: Entry,
  wanted: KubeObject,
  old: KubeObject,
  scope: Scope,
): Promise<Outcome> {
  const { id, subresource } = request;
  const companions = subresource === 'status' ? undefined : engine.companions.get(id.served.storedAs);
  const ends = isFinished(wanted);
  const plan = (ends ? companions?.delete(old) : companions?.update(wanted, old, scope.dryRun)) ?? NO_PLAN;
  try {
    if (request.raw !== true) validate(id, subresource, wanted, old, scope);
    if (!ends && plan.writes.length === 0 && equalJson(wanted, old)) return { entry, result: 'unchanged' };
    const stored = storedText(id.served, wanted);
    if (scope.dryRun) return { entry: entryAfter(engine, id, stored, 0), result: 'updated' };
    const write = {
      resource: id.served.storedAs,
      key: keyOf(id),
      stored: ends ? undefined : stored,
      expectedRevision: entry.revision,
    };
    const [revision = 0] = await engine.cache.write(write, ...plan.writes);
    return { entry: entryAfter(engine, id, stored, revision), result: ends ? 'deleted' : 'updated' };
  } finally {
    plan.done();
  }
}

function validate(
  { served, name }: ObjectId,
  subresource: string,
  wanted: KubeObject,
  old: KubeObject,
  scope: Scope,
): void {
  const { strategy, kind } = served;
  const toStatus = subresource === 'status';
  const findings = toStatus
    ? strategy.validateStatusUpdate(wanted, old)
    : strategy.validateUpdate(wanted, old);
  if (findings.length > 0) throw invalid(kind, name, findings);
  if (!toStatus) scope.warnings.push(...strategy.warnings(wanted, old));
}

/** An object that was to be deleted goes when its last finalizer goes and its grace period is over. */
export function isFinished(object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = metaOf(object);
  const inSpec = (object as { spec?: { finalizers?: unknown[] } }).spec?.finalizers ?? [];
  const spared = object.kind === 'Namespace' && inSpec.length > 0;
  return (
    deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0 && finalizers.length === 0 && !spared
  );
}
