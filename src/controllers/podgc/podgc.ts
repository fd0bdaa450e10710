/** Removes pods that no kubelet will: of deleted nodes, deleted before they had one, finished ones beyond a limit. */
import type { Pod } from '#api/core/v1.gen.ts';
import { formatTime } from '#api/machinery/time.ts';
import {
  type ControllerContext,
  type ControllerDefinition,
  startQueue,
  unlessGone,
} from '#controllers/shared/context.ts';
import { isFinished } from '#controllers/shared/pods.ts';
import { isNotFound } from '#kube/errors.ts';
import { NODES, PODS } from '#kube/resources.ts';
import { type Collectable, planCollect } from './plan-collect.ts';

export const POD_GC_CONTROLLER: ControllerDefinition = {
  name: 'podgc',
  watches: [PODS, NODES],
  start,
};

/** The one key of the queue: pods are judged together. */
const ALL = 'all';

function start(context: ControllerContext): void {
  const { informers, config } = context;
  const pods = informers.get(PODS);
  const nodes = informers.get(NODES);
  const goneSinceMs = new Map<string, number>();
  const nodeGoneForMs = (name: string): number | undefined => {
    if (nodes.store.get(name) !== undefined) {
      goneSinceMs.delete(name);
      return undefined;
    }
    const sinceMs = goneSinceMs.get(name) ?? Date.now();
    goneSinceMs.set(name, sinceMs);
    return Date.now() - sinceMs;
  };
  const work = async (): Promise<void> => {
    for (const found of planCollect(pods.store.list(), nodeGoneForMs, config)) await collect(context, found);
    if (goneSinceMs.size > 0) queue.addAfter(ALL, config.orphanedPodGraceMs);
    else queue.addAfter(ALL, 20_000);
  };
  const queue = startQueue(context, 'podgc', { concurrency: 1, work });
  nodes.onChange({ onDelete: () => queue.add(ALL) });
  pods.onChange({
    onUpdate: (pod) => {
      if (!pod.spec?.nodeName && pod.metadata?.deletionTimestamp !== undefined) queue.add(ALL);
    },
  });
  queue.add(ALL);
}

async function collect(context: ControllerContext, { pod, why }: Collectable): Promise<void> {
  const { client, signal } = context;
  // The cache may lag behind a node that was made again.
  if (why === 'orphaned' && (await nodeIsThere(context, pod.spec?.nodeName ?? ''))) return;
  const { namespace, name = '', uid } = pod.metadata ?? {};
  if (why === 'orphaned' && !isFinished(pod)) await markFailed(context, pod);
  const options = { gracePeriodSeconds: 0, preconditions: { uid }, signal };
  await unlessGone(client.delete(PODS, { namespace, name }, options));
}

async function nodeIsThere({ client, signal }: ControllerContext, name: string): Promise<boolean> {
  try {
    await client.get(NODES, { name }, { signal });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Finalizers may keep the pod: those who look at it see that it runs no more. */
async function markFailed({ client, signal }: ControllerContext, pod: Pod): Promise<void> {
  const { namespace, name = '' } = pod.metadata ?? {};
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByPodGC',
    message: 'PodGC: node no longer exists',
    lastTransitionTime: formatTime(Date.now()),
  };
  const patch = { status: { phase: 'Failed', conditions: [condition] } };
  const how = { type: 'strategic', subresource: 'status', signal } as const;
  await unlessGone(client.patch(PODS, { namespace, name }, patch, how));
}
