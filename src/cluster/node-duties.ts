import type { Node } from '#api/core/v1.gen.ts';
import type { ApiClient } from '#kube/client.ts';
import { startInformer } from '#kube/informer.ts';
import { NODES, PODS } from '#kube/resources.ts';

/**
 * Removes the Node objects of nodes that this cluster no longer has, and their pods at once: nobody is left who could
 * end them in order.
 */
export async function keepNodes(client: ApiClient, names: readonly string[]): Promise<void> {
  const { items } = await client.list(NODES);
  const gone = items.map(({ metadata }) => metadata?.name ?? '').filter((name) => !names.includes(name));
  await Promise.all(gone.map((name) => removeNode(client, name)));
}

async function removeNode(client: ApiClient, name: string): Promise<void> {
  const { items } = await client.list(PODS, { fieldSelector: `spec.nodeName=${name}` });
  const pods = items.map(({ metadata }) => ({ namespace: metadata?.namespace, name: metadata?.name ?? '' }));
  await Promise.all(pods.map((pod) => client.delete(PODS, pod, { gracePeriodSeconds: 0 })));
  await client.delete(NODES, { name });
}

/** Resolves when all of these nodes have the condition Ready. */
export async function nodesReady(client: ApiClient, names: readonly string[]): Promise<void> {
  const stop = new AbortController();
  const informer = startInformer(client, NODES, { signal: stop.signal });
  const { promise, resolve } = Promise.withResolvers<void>();
  const check = (): void => {
    const ready = new Set(
      informer.store
        .list()
        .filter(isReady)
        .map((node) => node.metadata?.name),
    );
    if (names.every((name) => ready.has(name))) resolve();
  };
  informer.onChange({ onAdd: check, onUpdate: check });
  await promise;
  stop.abort();
}

function isReady({ status }: Node): boolean {
  return status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}
