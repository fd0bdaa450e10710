import { fib, numgen } from '#kernel/nftables/selectors.ts';
import { dnat, match, notInSet, type Statement, setMark } from '#kernel/nftables/statements.ts';
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
  const offset = shape.internal ? INTERNAL_INDEX : 0;
  const key = [...maps.key, numgen(shape.count, 'random', offset)];
  const rules = [...masqueradeRules(shape), [dnat({ map: maps.endpoints, key })]];
  return { chain: chain(pickChainName(shape)), rules };
}

/** Marks whose source is to be replaced when they leave. */
export function masqueradeRules({ family, masquerade }: PickShape): Statement[][] {
  const { saddr, clusterCidrs } = LAYOUTS[family];
  const mark = setMark(MASQUERADE_MARK, MASQUERADE_MARK);
  switch (masquerade) {
    case 'always':
      return [[mark]];
    case 'from-node':
      return [[match(fib(['saddr'], 'type'), '==', 'local'), mark]];
    case 'off-cluster':
      return [[notInSet([saddr], clusterCidrs), mark]];
    case 'never':
    default:
      return [];
  }
}

export function pickChainName({ family, kind, count, internal, masquerade }: PickShape): string {
  const parts = [`pick-${family}`, kind, count];
  if (internal) parts.push('internal');
  if (masquerade !== 'never') parts.push(`masquerade-${masquerade}`);
  return parts.join('-');
}
