/** Gives each node its ranges of pod addresses, one per family. */
import type { Node } from '#api/core/v1.gen.ts';
import { keyOf } from '#api/machinery/object.ts';
import type { ResolvedConfig } from '#controllers/config.ts';
import { type ControllerDefinition, recorderOf, startQueue } from '#controllers/shared/context.ts';
import { isNotFound } from '#kube/errors.ts';
import { referenceTo } from '#kube/events.ts';
import { NODES } from '#kube/resources.ts';
import { CidrAllocator } from './plan-cidrs.ts';

export const NODE_IPAM_CONTROLLER: ControllerDefinition = {
  name: 'nodeipam',
  watches: [NODES],
  start: (context) => {
    const { client, informers, signal, config } = context;
    const allocators = allocatorsOf(config);
    if (allocators.length === 0) return;
    const nodes = informers.get(NODES);
    const recorder = recorderOf(context, 'cidrAllocator');
    // Ranges in use first, whatever the order in which nodes come.
    for (const node of nodes.store.values()) mark(allocators, node);
    const work = async (name: string): Promise<void> => {
      const node = nodes.store.get(name);
      if (node === undefined || node.metadata?.deletionTimestamp !== undefined) return;
      if (podCidrsOf(node).length > 0) return;
      const podCIDRs = allocators.map((allocator) => allocator.next());
      const release = (): void => podCIDRs.forEach((cidr, index) => cidr && allocators[index]?.free(cidr));
      if (podCIDRs.includes(undefined)) {
        release();
        recorder.record(
          referenceTo(NODES, node),
          'Normal',
          'CIDRNotAvailable',
          `Node ${name} status is now: CIDRNotAvailable`,
        );
        throw new Error(`no pod range is left for node ${name}`);
      }
      const patch = { spec: { podCIDR: podCIDRs[0], podCIDRs } };
      await client.patch(NODES, { name }, patch, { signal }).catch((error: unknown) => {
        release();
        if (!isNotFound(error)) throw error;
      });
    };
    // One at a time: two runs for one node would give it two ranges.
    const queue = startQueue(context, 'nodeipam', { concurrency: 1, work });
    nodes.onChange({
      onAdd: (node) => {
        mark(allocators, node);
        queue.add(keyOf(node));
      },
      onUpdate: (node) => {
        mark(allocators, node);
        if (podCidrsOf(node).length === 0) queue.add(keyOf(node));
      },
      onDelete: (node) => {
        for (const cidr of podCidrsOf(node)) for (const allocator of allocators) allocator.free(cidr);
      },
    });
  },
};

function allocatorsOf(config: ResolvedConfig): CidrAllocator[] {
  return config.clusterCidrs.map(
    (range) =>
      new CidrAllocator(range, range.includes(':') ? config.nodeMaskSizeIpv6 : config.nodeMaskSizeIpv4),
  );
}

function mark(allocators: readonly CidrAllocator[], node: Node): void {
  for (const cidr of podCidrsOf(node)) for (const allocator of allocators) allocator.take(cidr);
}

function podCidrsOf(node: Node): string[] {
  const { podCIDRs, podCIDR } = node.spec ?? {};
  return podCIDRs?.length ? podCIDRs : podCIDR ? [podCIDR] : [];
}
