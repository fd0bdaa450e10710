import { kindOfObject } from '#api/machinery/kinds.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { serviceCompanions } from '#apiserver/allocators/service-companions.ts';
import { Cache } from '#apiserver/cache/cache.ts';
import { openMemoryStorage } from '#apiserver/storage/memory.ts';
import type { Storage } from '#apiserver/storage/storage.ts';
import { createObject } from './create.ts';
import { type Engine, type ObjectId, type Scope, view } from './engine.ts';
import { servedKind } from './resources.ts';

/** For tests: an engine without admission, on memory or a storage that is given. */
export async function openTestEngine(
  storage: Storage = openMemoryStorage(),
  serviceRanges = ['10.0.0.0/28'],
): Promise<Engine> {
  const cache = await Cache.open(storage);
  return {
    cache,
    admission: { admit: () => Promise.resolve() },
    companions: new Map([
      ['services', serviceCompanions(cache, { serviceRanges, nodePortRange: { from: 30_000, to: 30_009 } })],
    ]),
    now: () => Date.UTC(2026, 0, 1),
  };
}

export function testScope(dryRun = false): Scope {
  return { user: { username: 'test', groups: ['system:masters'] }, dryRun, warnings: [] };
}

export function idOf(object: KubeObject): ObjectId {
  const kind = kindOfObject(object);
  if (kind === undefined) throw new Error(`no kind ${object.apiVersion}/${object.kind}`);
  return {
    served: servedKind(kind),
    namespace: object.metadata?.namespace ?? '',
    name: object.metadata?.name ?? '',
  };
}

export async function create<T extends KubeObject>(engine: Engine, object: T, dryRun = false): Promise<T> {
  const { served, namespace } = idOf(object);
  const { entry } = await createObject(engine, served, namespace, structuredClone(object), testScope(dryRun));
  return view(served, entry) as T;
}
