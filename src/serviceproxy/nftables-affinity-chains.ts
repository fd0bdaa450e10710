import { constant, fib, type Selector, th } from '#kernel/nftables/selectors.ts';
import { dnat, goto, inSet, match, update } from '#kernel/nftables/statements.ts';
import type { IpFamily } from '#lib/ip.ts';
import type { PlannedChain } from './nftables-chains.ts';
import { chain, type FamilyLayout, LAYOUTS } from './nftables-layout.ts';
import { masqueradeRules, type PickShape, pickChainName } from './nftables-pick-chain.ts';

/** Sends a client to the endpoint it had; one that has none goes on to be given one. */
export function affinityChain(id: number, shape: PickShape): PlannedChain {
  const layout = LAYOUTS[shape.family];
  const pick = pickChainName(shape);
  return {
    chain: chain(`affinity-${idText(id)}-${pick}`),
    rules: [
      ...masqueradeRules(shape),
      [dnat({ map: layout.affinityClients, key: clientKey(layout, id) })],
      [goto(pick)],
    ],
  };
}

/** Remembers for a time which endpoint the client of a translated connection got. */
export function recordChain(family: IpFamily, id: number, seconds: number): PlannedChain {
  const layout = LAYOUTS[family];
  const { affinityClients, daddr } = layout;
  const key = clientKey(layout, id);
  const data = [daddr, th.dport];
  return {
    chain: chain(`record-${family}-${idText(id)}-${seconds}`),
    rules: [
      // An update alone would leave an old endpoint in place.
      [update(affinityClients, key, { operation: 'delete', data })],
      [update(affinityClients, key, { data, timeoutMs: seconds * 1000 })],
    ],
  };
}

/** The same where pods and the node have another list of endpoints than everybody else. */
export function splitRecordChain(
  internal: PlannedChain,
  external: PlannedChain,
  family: IpFamily,
): PlannedChain {
  const { saddr, clusterCidrs } = LAYOUTS[family];
  const { name: inside } = internal.chain;
  const { name: outside } = external.chain;
  return {
    chain: chain(`split-${inside}-${outside}`),
    rules: [
      [inSet([saddr], clusterCidrs), goto(inside)],
      [match(fib(['saddr'], 'type'), '==', 'local'), goto(inside)],
      [goto(outside)],
    ],
  };
}

function clientKey({ saddr }: FamilyLayout, id: number): Selector[] {
  return [saddr, constant('mark', id)];
}

function idText(id: number): string {
  return id.toString(16).padStart(8, '0');
}
