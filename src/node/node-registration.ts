/** The Node object: created or adopted, its status renewed, its Lease kept. */
import type { Node } from '#api/core/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { formatTime } from '#api/machinery/time.ts';
import type { ApiClient } from '#kube/client.ts';
import { isAborted, isAlreadyExists, isNotFound, pause } from '#kube/errors.ts';
import { keepLease } from '#kube/lease.ts';
import { NODES } from '#kube/resources.ts';
import { type NodeFacts, planNode, planNodeLabels, planNodeStatus } from './plan-node-object.ts';

export interface RegistrationOptions {
  client: ApiClient;
  facts: NodeFacts;
  signal: AbortSignal;
  onError?: ((error: Error) => void) | undefined;
}

/** As kubelet: the whole status every five minutes, the Lease every ten seconds. */
const STATUS_INTERVAL_MS = 300_000;
const RETRY_MS = 250;

/** Creates the Node, or brings the labels of the one that is there up to date. Tries until it succeeds. */
export async function registerNode(options: RegistrationOptions): Promise<Node> {
  for (;;) {
    try {
      return await createOrAdopt(options);
    } catch (error) {
      if (isAborted(error) || options.signal.aborted) throw error;
      options.onError?.(error as Error);
      await pause(RETRY_MS, options.signal);
    }
  }
}

async function createOrAdopt({ client, facts, signal }: RegistrationOptions): Promise<Node> {
  try {
    return await client.create(NODES, planNode(facts), { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  const known = await client.get(NODES, { name: facts.nodeName }, { signal });
  const labels = { ...known.metadata?.labels, ...planNodeLabels(facts) };
  if (equalJson(labels, known.metadata?.labels)) return known;
  return client.patch(NODES, { name: facts.nodeName }, { metadata: { labels } }, { signal });
}

/** The addresses for pods that somebody else gave the node: waits until they are in its spec. */
export async function awaitPodCidrs(
  { client, facts, signal }: RegistrationOptions,
  node: Node,
): Promise<string[]> {
  for (let current = node; ; ) {
    const cidrs = current.spec?.podCIDRs ?? (current.spec?.podCIDR ? [current.spec.podCIDR] : []);
    if (cidrs.length > 0) return cidrs;
    await pause(RETRY_MS, signal);
    current = await client.get(NODES, { name: facts.nodeName }, { signal });
  }
}

/** Writes the status once: the node is Ready when this resolves. */
export async function writeNodeStatus({ client, facts, signal }: RegistrationOptions): Promise<void> {
  const known = await client.get(NODES, { name: facts.nodeName }, { signal });
  const status = planNodeStatus(facts, known.status, formatTime(Date.now()));
  await client.patch(
    NODES,
    { name: facts.nodeName },
    { status },
    { type: 'merge', subresource: 'status', signal },
  );
}

/** Keeps Lease and status fresh until the signal fires; a Node that somebody deleted is made again. */
export async function keepNode(options: RegistrationOptions, uid: string): Promise<void> {
  const { client, facts, signal, onError } = options;
  const owner = { apiVersion: 'v1', kind: 'Node', name: facts.nodeName, uid };
  void keepLease({
    client,
    namespace: 'kube-node-lease',
    name: facts.nodeName,
    holderIdentity: facts.nodeName,
    ownerReferences: [owner],
    signal,
    onError,
  });
  for (let waitMs = STATUS_INTERVAL_MS; !signal.aborted; ) {
    await pause(waitMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      await writeNodeStatus(options);
      waitMs = STATUS_INTERVAL_MS;
    } catch (error) {
      if (isNotFound(error)) await registerNode(options).catch(() => undefined);
      else if (!signal.aborted) onError?.(error as Error);
      waitMs = RETRY_MS * 4;
    }
  }
}
