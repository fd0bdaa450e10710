import { randomUUID } from 'node:crypto';
import { type KubeObject, metaOf } from '#api/machinery/object.ts';
import { alreadyExists, badRequest, invalid, unclassified } from '#api/machinery/status-error.ts';
import { formatTime } from '#api/machinery/time.ts';
import { WriteConflict } from '#apiserver/storage/storage.ts';
import { NO_PLAN } from './companions.ts';
import {
  currentEntry,
  type Engine,
  entryAfter,
  keyOf,
  type ObjectId,
  type Outcome,
  type Scope,
  storedText,
} from './engine.ts';
import { generateName } from './names.ts';
import type { Served } from './resources.ts';

/** How often a generated name that is taken is replaced by another. */
const NAME_ATTEMPTS = 8;

/**
 * Creates `object` (decoded, not yet defaulted; changed in place). The order is upstream's:
 * defaults, admission, preparation, allocation, validation, write.
 */
export async function createObject(
  engine: Engine,
  served: Served,
  namespace: string,
  object: KubeObject,
  scope: Scope,
): Promise<Outcome> {
  matchNamespace(object, served.kind.namespaced ? namespace : '');
  const { strategy } = served;
  if (metaOf(object).resourceVersion)
    throw unclassified('resourceVersion should not be set on objects to be created');
  strategy.defaults(object);
  const meta = metaOf(object);
  const generated = !meta.name && !!meta.generateName;
  if (generated) meta.name = generateName(meta.generateName ?? '');
  const operation = {
    operation: 'create',
    served,
    namespace,
    name: meta.name ?? '',
    subresource: '',
    ...scope,
  } as const;
  await engine.admission.admit({ ...operation, object });
  meta.uid = randomUUID();
  meta.creationTimestamp = formatTime(engine.now());
  delete meta.managedFields;
  strategy.prepareForCreate(object);
  for (let attempt = 1; ; attempt++) {
    try {
      return await writeNew(engine, { served, namespace, name: meta.name ?? '' }, object, scope);
    } catch (error) {
      if (!generated || attempt === NAME_ATTEMPTS || !isTaken(error)) throw error;
      meta.name = generateName(meta.generateName ?? '');
    }
  }
}

/** The namespace of the path is filled in; another one in the object is an error. */
export function matchNamespace(object: KubeObject, namespace: string): void {
  const meta = metaOf(object);
  if (namespace === '') delete meta.namespace;
  else if (!meta.namespace) meta.namespace = namespace;
  else if (meta.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

async function writeNew(
  engine: Engine,
  id: ObjectId,
  object: KubeObject,
  { dryRun, warnings }: Scope,
): Promise<Outcome> {
  const { served } = id;
  const plan = engine.companions.get(served.storedAs)?.create(object, dryRun) ?? NO_PLAN;
  try {
    const findings = served.strategy.validateCreate(object);
    if (findings.length > 0) throw invalid(served.kind, id.name, findings);
    warnings.push(...served.strategy.warnings(object));
    const stored = storedText(served, object);
    if (dryRun) {
      if (currentEntry(engine, id) !== undefined) throw alreadyExists(served.kind, id.name);
      return { entry: entryAfter(engine, id, stored, 0), result: 'created' };
    }
    const write = { resource: served.storedAs, key: keyOf(id), stored, expectedRevision: 0 };
    const [revision = 0] = await engine.cache.write(write, ...plan.writes);
    return { entry: entryAfter(engine, id, stored, revision), result: 'created' };
  } catch (error) {
    if (error instanceof WriteConflict) throw alreadyExists(served.kind, id.name);
    throw error;
  } finally {
    plan.done();
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'reason' in error && error.reason === 'AlreadyExists';
}
