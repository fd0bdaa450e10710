import { createHash } from 'node:crypto';
import { type Chain, type Element, type NftSet, type Verdict } from '#kernel/nftables/objects.ts';
import { ct, fib, lookup, meta, udp } from '#kernel/nftables/selectors.ts';
import {
  drop,
  goto,
  hasAny,
  inSet,
  jump,
  masquerade,
  match,
  notrack,
  reject,
  type Statement,
  setField,
  setMark,
  verdict,
  vmap,
} from '#kernel/nftables/statements.ts';
import type { IpFamily } from '#lib/ip.ts';
import type { NodeSettings } from './forwarding-model.ts';
import { BASE_CHAINS, chain, type FamilyLayout, LAYOUTS, MASQUERADE_MARK } from './nftables-layout.ts';

/** A chain with its rules, in order. */
export interface PlannedChain {
  readonly chain: Chain;
  readonly rules: readonly (readonly Statement[])[];
}

const FAMILIES: readonly IpFamily[] = [4, 6];
const isUdp = match(meta('l4proto'), '==', 'udp');
const layouts = FAMILIES.map((family) => LAYOUTS[family]);

export const REJECT_CHAIN = 'reject';
/** Names of chains for ways in that need a second look at the source. */
export function splitChainName(family: IpFamily, kind: 'address' | 'node-port'): string {
  return `split-${family}-${kind}`;
}

/** The chains that are always there. The services chain asks one map after the other; the first that knows decides. */
export function planBaseChains(): PlannedChain[] {
  const [prerouting, output, input, postrouting, latePrerouting, lateOutput] = BASE_CHAINS as [
    Chain,
    Chain,
    Chain,
    Chain,
    Chain,
    Chain,
  ];
  const translated = hasAny(ct('status'), 'dnat');
  return [
    { chain: chain(REJECT_CHAIN), rules: [[reject('port-unreachable')]] },
    { chain: chain('services'), rules: layouts.flatMap(serviceRules) },
    { chain: chain('affinity'), rules: layouts.flatMap(affinityRules) },
    ...layouts.flatMap((layout) => [splitChain(layout, 'address'), splitChain(layout, 'node-port')]),
    { chain: prerouting, rules: [[jump('services')]] },
    { chain: output, rules: [[jump('services')]] },
    { chain: chain('late-replies'), rules: layouts.flatMap(lateReplyRules) },
    { chain: latePrerouting, rules: [[isUdp, jump('late-replies')]] },
    { chain: lateOutput, rules: [[isUdp, jump('late-replies')]] },
    { chain: input, rules: [[translated, jump('affinity')]] },
    {
      chain: postrouting,
      rules: [
        // Before the source is replaced: the client is remembered by it.
        [translated, jump('affinity')],
        ...layouts.map(({ saddr, daddr, hairpins }) => [
          translated,
          inSet([saddr, daddr], hairpins),
          masquerade({ fullyRandom: true }),
        ]),
        [match(meta('mark'), '==', 0, MASQUERADE_MARK), verdict('return')],
        [setMark(0, MASQUERADE_MARK), masquerade({ fullyRandom: true })],
      ],
    },
  ];
}

function serviceRules({
  daddr,
  address,
  nodePort,
  nodeAddresses,
  clusterIps,
  serviceCidrs,
}: FamilyLayout): Statement[][] {
  return [
    [vmap(address.key, address.services)],
    [inSet([daddr], nodeAddresses), vmap(nodePort.key, nodePort.services)],
    [inSet([daddr], clusterIps), goto(REJECT_CHAIN)],
    [inSet([daddr], serviceCidrs), drop],
  ];
}

/** The port first: the address is part of the key. What is known here is kept from being tracked as a new flow. */
function lateReplyRules({ saddr, daddr, lateReplyAddresses, lateReplyPorts }: FamilyLayout): Statement[][] {
  const key = [saddr, daddr, udp.dport];
  return [
    [setField(udp.sport, lookup(lateReplyPorts, key))],
    [inSet(key, lateReplyAddresses), notrack, setField(saddr, lookup(lateReplyAddresses, key))],
  ];
}

function affinityRules({ address, nodePort }: FamilyLayout): Statement[][] {
  return [
    [vmap(address.originalKey, address.affinityRecorders)],
    [vmap(nodePort.originalKey, nodePort.affinityRecorders)],
  ];
}

/** Pods and the node itself are served from one list, everybody else from another. */
function splitChain(
  { family, saddr, clusterCidrs, ...layout }: FamilyLayout,
  kind: 'address' | 'node-port',
): PlannedChain {
  const { key, internal, external } = kind === 'address' ? layout.address : layout.nodePort;
  return {
    chain: chain(splitChainName(family, kind)),
    rules: [
      [inSet([saddr], clusterCidrs), vmap(key, internal)],
      [match(fib(['saddr'], 'type'), '==', 'local'), vmap(key, internal)],
      [vmap(key, external)],
    ],
  };
}

/** Lets sources inside the ranges on to the `allowed` map and drops the others. */
export function rangesChain(family: IpFamily, ranges: readonly string[]): PlannedChain {
  const { saddr, address } = LAYOUTS[family];
  // Names are limited to 127 bytes, lists are not.
  const digest = createHash('sha256').update(ranges.join()).digest('hex').slice(0, 32);
  return {
    chain: chain(`ranges-${family}-${digest}`),
    rules: [
      ...ranges.map((range) => [match(saddr, '==', range), vmap(address.key, address.allowed)]),
      [drop],
    ],
  };
}

/** The elements of the sets that hold the node's settings. */
export function settingElements(settings: NodeSettings): Map<NftSet, Element[]> {
  const elements = new Map<NftSet, Element[]>();
  for (const { family, clusterCidrs, serviceCidrs, nodeAddresses } of layouts) {
    const ofFamily = (values: readonly string[]): Element[] =>
      values.filter((value) => value.includes(':') === (family === 6)).map((value) => ({ key: [value] }));
    elements.set(clusterCidrs, ofFamily(settings.clusterCidrs));
    elements.set(serviceCidrs, ofFamily(settings.serviceCidrs));
    elements.set(nodeAddresses, ofFamily(settings.nodePortAddresses));
  }
  return elements;
}

export function gotoVerdict(chainName: string): Verdict {
  return { goto: chainName };
}
