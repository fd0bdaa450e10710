import type { Node } from '#api/core/v1.gen.ts';
import type { ApiClient } from '#kube/client.ts';
import { startInformer } from '#kube/informer.ts';
import { NODES } from '#kube/resources.ts';

/** Removes the Node objects of nodes that this cluster no longer has; their pods are collected with them. */
export async function keepNodes(client: ApiClient, names: readonly string[]): Promise<void> {
  const { items } = await client.list(NODES);
  const gone = items.filter(({ metadata }) => !names.includes(metadata?.name ?? ''));
  await Promise.all(gone.map(({ metadata }) => client.delete(NODES, { name: metadata?.name ?? '' })));
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
