/** Ends namespaces that are being deleted: empties them of every kind, then lets them go. */
import type { Namespace } from '#api/core/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { keyOf } from '#api/machinery/object.ts';
import {
  type ControllerContext,
  type ControllerDefinition,
  startQueue,
  unlessGone,
} from '#controllers/shared/context.ts';
import { type DiscoveredResource, discover } from '#controllers/shared/discovery.ts';
import { isNotFound } from '#kube/errors.ts';
import { NAMESPACES } from '#kube/resources.ts';
import type { Again } from '#kube/work-queue.ts';
import { planConditions, type Remains } from './plan-status.ts';

export const NAMESPACES_CONTROLLER: ControllerDefinition = {
  name: 'namespace',
  watches: [NAMESPACES],
  start: (context) => {
    const namespaces = context.informers.get(NAMESPACES);
    const work = async (name: string): Promise<Again | void> => {
      const namespace = namespaces.store.get(name);
      return namespace === undefined ? undefined : endNamespace(namespace, context);
    };
    const queue = startQueue(context, 'namespace', { work, backoff: { baseMs: 100, maxMs: 5000 } });
    const changed = (namespace: Namespace): void => {
      if (namespace.metadata?.deletionTimestamp !== undefined) queue.add(keyOf(namespace));
    };
    namespaces.onChange({ onAdd: changed, onUpdate: changed });
  },
};

const FINALIZER = 'kubernetes';
/** How soon to look again whether pods have stopped and finalizers are gone: the longer it takes, the later. */
const LOOK_AGAIN_MS = { min: 200, max: 5000, divisor: 10 };

async function endNamespace(namespace: Namespace, context: ControllerContext): Promise<Again | void> {
  const { client, signal } = context;
  if (!namespace.spec?.finalizers?.includes(FINALIZER)) return undefined;
  const remains = await emptyNamespace(namespace.metadata?.name ?? '', context);
  const conditions = planConditions(namespace.status, remains, Date.now());
  let current = namespace;
  const done =
    remains.objects.size === 0 &&
    remains.discoveryFailure === undefined &&
    remains.deletionFailures.length === 0;
  const known = namespace.status?.conditions;
  if (!equalJson(conditions, known) && !(done && known === undefined)) {
    const status = { ...namespace.status, phase: 'Terminating', conditions };
    const written = await unlessGone(client.updateStatus(NAMESPACES, { ...namespace, status }, { signal }));
    if (written === undefined) return undefined;
    current = written;
  }
  if (!done) return { requeueAfterMs: waitMs(namespace) };
  const finalizers = (current.spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
  const spec = { ...current.spec, finalizers };
  await unlessGone(client.updateSubresource(NAMESPACES, { ...current, spec }, 'finalize', { signal }));
  return undefined;
}

function waitMs({ metadata }: Namespace): number {
  const { min, max, divisor } = LOOK_AGAIN_MS;
  const elapsedMs = Date.now() - Date.parse(metadata?.deletionTimestamp ?? '');
  return Math.min(max, Math.max(min, elapsedMs / divisor || 0));
}

/** Deletes what is there, kind by kind, and tells what is left. */
async function emptyNamespace(name: string, context: ControllerContext): Promise<Remains> {
  const remains: Remains = { objects: new Map(), discoveryFailure: undefined, deletionFailures: [] };
  let kinds: DiscoveredResource[];
  try {
    kinds = await discover(context);
  } catch (error) {
    return { ...remains, discoveryFailure: (error as Error).message };
  }
  const deletable = kinds.filter(
    ({ namespaced, verbs }) => namespaced && verbs.includes('list') && verbs.includes('delete'),
  );
  await Promise.all(
    deletable.map(async (kind) => {
      const label = `${kind.plural}.${kind.group}`;
      try {
        const left = await emptyKind(kind, name, context);
        if (left.length > 0) remains.objects.set(label, left);
      } catch (error) {
        remains.deletionFailures.push(`${label}: ${(error as Error).message}`);
      }
    }),
  );
  return remains;
}

async function emptyKind(kind: DiscoveredResource, namespace: string, { client, signal }: ControllerContext) {
  const { items } = await client.list(kind, { namespace, signal });
  const alive = items.filter((object) => object.metadata?.deletionTimestamp === undefined);
  const propagationPolicy = 'Background';
  if (alive.length > 0 && kind.verbs.includes('deletecollection')) {
    await client.deleteCollection(kind, { namespace }, { propagationPolicy, signal });
  } else {
    for (const { metadata } of alive) {
      const key = { namespace, name: metadata?.name ?? '' };
      await unlessGone(client.delete(kind, key, { propagationPolicy, signal }));
    }
  }
  if (alive.length === 0) return items;
  return client.list(kind, { namespace, signal }).then(
    (list) => list.items,
    (error: unknown) => {
      if (isNotFound(error)) return [];
      throw error;
    },
  );
}
