import { lookup, numgen } from '#kernel/nftables/selectors.ts';
import { dnat, inSet, notInSet, type Statement, setMark } from '#kernel/nftables/statements.ts';
import type { IpFamily } from '#lib/ip.ts';
import type { Destination } from './forwarding-model.ts';
import type { PlannedChain } from './nftables-chains.ts';
import { chain, LAYOUTS, MASQUERADE_MARK } from './nftables-layout.ts';

/** Everything that two ways in must have in common to share one chain. */
export interface PickShape {
  readonly family: IpFamily;
  readonly kind: 'address' | 'node-port';
  readonly count: number;
  /** Whether the endpoints are those for pods and the node. */
  readonly internal: boolean;
  readonly masquerade: Destination['masquerade'];
  /** With affinity: the list that a remembered endpoint must still be in. */
  readonly affinity: Destination['list'] | undefined;
}

/** Endpoints of the internal list are numbered from here on, in the same map. */
export const INTERNAL_INDEX = 0x10000;

/**
 * The chain that picks one of `count` endpoints: there is one per shape, not per Service. The endpoint is
 * found under the way in and a random number.
 */
export function pickChain(shape: PickShape): PlannedChain {
  const layout = LAYOUTS[shape.family];
  const maps = shape.kind === 'address' ? layout.address : layout.nodePort;
  const rules: Statement[][] = [];
  if (shape.masquerade === 'always') rules.push([setMark(MASQUERADE_MARK, MASQUERADE_MARK)]);
  if (shape.masquerade === 'off-cluster') {
    rules.push([notInSet([layout.saddr], layout.clusterCidrs), setMark(MASQUERADE_MARK, MASQUERADE_MARK)]);
  }
  if (shape.affinity !== undefined) {
    const id = lookup(maps.affinityIds, maps.key);
    const remembered = lookup(layout.affinityClients, [layout.saddr, id]);
    rules.push([
      inSet([id, remembered], layout.affinityMembers[shape.affinity]),
      dnat({ map: layout.affinityClients, key: [layout.saddr, id] }),
    ]);
  }
  const offset = shape.internal ? INTERNAL_INDEX : 0;
  rules.push([dnat({ map: maps.endpoints, key: [...maps.key, numgen(shape.count, 'random', offset)] })]);
  return { chain: chain(pickChainName(shape)), rules };
}

export function pickChainName({ family, kind, count, internal, masquerade, affinity }: PickShape): string {
  const parts = [`pick-${family}`, kind, count];
  if (internal) parts.push('internal');
  if (masquerade !== 'never') parts.push(`masquerade-${masquerade}`);
  if (affinity !== undefined) parts.push(`affinity-${affinity}`);
  return parts.join('-');
}
