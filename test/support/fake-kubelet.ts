// Nodes without machines: pods that are given to them become Running and Ready at once, and go when deleted.
import type { Pod } from '#api/core/v1.gen.ts';
import { formatTime } from '#api/machinery/time.ts';
import type { ApiClient } from '#kube/client.ts';
import { isConflict, isNotFound } from '#kube/errors.ts';
import { startInformer } from '#kube/informer.ts';
import { keepLease } from '#kube/lease.ts';
import { NODES, PODS } from '#kube/resources.ts';

export interface FakeKubeletOptions {
  client: ApiClient;
  nodes: readonly string[];
  signal: AbortSignal;
  /** Images whose pods never become Ready. */
  brokenImages?: readonly string[];
}

/** Creates the nodes (each in a zone of its own) and plays the kubelet of all of them. */
export async function startFakeKubelet({
  client,
  nodes,
  signal,
  brokenImages = [],
}: FakeKubeletOptions): Promise<void> {
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'KubeletReady',
    message: '',
    lastHeartbeatTime: now(),
  };
  for (const name of nodes) {
    const labels = { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': `zone-${name}` };
    await client.create(NODES, { metadata: { name, labels } }, { signal });
    const status = { allocatable: { pods: '1000', cpu: '64', memory: '64Gi' }, conditions: [ready] };
    await client.patch(NODES, { name }, { status }, { subresource: 'status', signal });
    void keepLease({ client, namespace: 'kube-node-lease', name, holderIdentity: name, signal });
  }
  let address = 0;
  const run = async (pod: Pod): Promise<void> => {
    const { namespace, name = '', deletionTimestamp, uid } = pod.metadata ?? {};
    if (!nodes.includes(pod.spec?.nodeName ?? '')) return;
    if (deletionTimestamp !== undefined) {
      await client.delete(
        PODS,
        { namespace, name },
        { gracePeriodSeconds: 0, preconditions: { uid }, signal },
      );
      return;
    }
    if (pod.status?.podIP) return;
    address++;
    const podIP = `10.244.${address >> 8}.${address & 255}`;
    const broken = pod.spec?.containers.some(({ image }) => brokenImages.includes(image ?? ''));
    const conditions = [{ type: 'Ready', status: broken ? 'False' : 'True', lastTransitionTime: now() }];
    const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions, startTime: now() };
    await client.patch(
      PODS,
      { namespace, name },
      { status },
      { subresource: 'status', signal, type: 'strategic' },
    );
  };
  const changed = (pod: Pod): void => {
    run(pod).catch((error: unknown) => {
      if (!signal.aborted && !isNotFound(error) && !isConflict(error)) throw error;
    });
  };
  startInformer(client, PODS, { signal }).onChange({ onAdd: changed, onUpdate: changed });
}

function now(): string {
  return formatTime(Date.now());
}
