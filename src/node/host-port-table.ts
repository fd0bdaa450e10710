/** The nf_tables table for hostPorts: what arrives for the node itself is looked up once, by address or by port. */
import {
  type Chain,
  type Element,
  type Hook,
  type NftMap,
  type NftSet,
  PRIORITIES,
  type Table,
  table,
} from '#kernel/nftables/objects.ts';
import { ct, fib, ip, ip6, meta, type Selector, th } from '#kernel/nftables/selectors.ts';
import {
  dnat,
  drop,
  hasAny,
  inSet,
  jump,
  masquerade,
  match,
  type Statement,
} from '#kernel/nftables/statements.ts';
import { Transaction } from '#kernel/nftables/transaction.ts';
import type { HostPort } from './plan-host-ports.ts';

const TABLE: Table = table('inet', 'portolan-hostports');
const LOOPBACK = '127.0.0.0/8';

/** Of one family. */
interface Layout {
  readonly saddr: Selector;
  readonly daddr: Selector;
  readonly nfproto: 'ipv4' | 'ipv6';
  /** Address, protocol and port of the node -> address and port of the pod. */
  readonly byAddress: NftMap;
  /** The same for all addresses of the node. */
  readonly byPort: NftMap;
  /** Pairs of equal addresses: pods that reach themselves by the node. */
  readonly hairpins: NftSet;
}

function layout(family: 4 | 6): Layout {
  const address = family === 4 ? 'ipv4_addr' : 'ipv6_addr';
  const port = ['inet_proto', 'inet_service'] as const;
  const data = [address, 'inet_service'] as const;
  return {
    ...(family === 4 ? ip : ip6),
    nfproto: family === 4 ? 'ipv4' : 'ipv6',
    byAddress: { kind: 'map', table: TABLE, name: `by-address-${family}`, key: [address, ...port], data },
    byPort: { kind: 'map', table: TABLE, name: `by-port-${family}`, key: port, data },
    hairpins: { kind: 'set', table: TABLE, name: `hairpins-${family}`, key: [address, address] },
  };
}

const LAYOUTS = { 4: layout(4), 6: layout(6) } as const;
const BOTH: readonly Layout[] = Object.values(LAYOUTS);

const chain = (name: string, base?: Chain['base']): Chain => ({ kind: 'chain', table: TABLE, name, base });
/** Behind Services, so that a node port goes before a hostPort of the same number. */
const translating = (hook: Hook): Chain =>
  chain(hook, { type: 'nat', hook, priority: PRIORITIES.dstnat + 1 });

const HOST_PORTS = chain('host-ports');
const CHAINS: ReadonlyArray<readonly [Chain, ReadonlyArray<readonly Statement[]>]> = [
  [HOST_PORTS, lookups()],
  [translating('prerouting'), [[match(fib(['daddr'], 'type'), '==', 'local'), jump(HOST_PORTS.name)]]],
  [translating('output'), [[match(fib(['daddr'], 'type'), '==', 'local'), jump(HOST_PORTS.name)]]],
  [chain('postrouting', { type: 'nat', hook: 'postrouting', priority: PRIORITIES.srcnat }), sources()],
  // Links of pods with hostPorts may route 127.0.0.1, for answers; nobody but the node itself may send there.
  [
    chain('loopback', { type: 'filter', hook: 'prerouting', priority: PRIORITIES.raw }),
    [[match(meta('iifname'), '!=', 'lo'), match(ip.daddr, '==', LOOPBACK), drop]],
  ],
];

function lookups(): Statement[][] {
  const port = [meta('l4proto'), th.dport];
  return [
    ...BOTH.map(({ daddr, byAddress }) => [dnat({ map: byAddress, key: [daddr, ...port] })]),
    ...BOTH.map(({ nfproto, byPort }) => [
      match(meta('nfproto'), '==', nfproto),
      dnat({ map: byPort, key: port }),
    ]),
  ];
}

/** Who gets the node's address because answers would not come back by the node: the pod itself, and 127.0.0.1. */
function sources(): Statement[][] {
  const translated = hasAny(ct('status'), 'dnat');
  return [
    ...BOTH.map(({ saddr, daddr, hairpins }) => [translated, inSet([saddr, daddr], hairpins), masquerade()]),
    [translated, match(ip.saddr, '==', LOOPBACK), masquerade()],
  ];
}

/** Makes the table; what an earlier life of the node left in it is gone. */
export function createTable(): Transaction {
  const transaction = new Transaction().add(TABLE).delete(TABLE).add(TABLE);
  for (const { byAddress, byPort, hairpins } of BOTH) transaction.add(byAddress, byPort, hairpins);
  for (const [object] of CHAINS) transaction.add(object);
  for (const [object, rules] of CHAINS) for (const rule of rules) transaction.addRule(object, rule);
  return transaction;
}

export function removeTable(): Transaction {
  return new Transaction().destroy(TABLE);
}

/** Opens the ports of one pod, or closes them. */
export function changePorts(ports: readonly HostPort[], change: 'add' | 'delete'): Transaction {
  const transaction = new Transaction();
  const hairpins = new Map<string, readonly [NftSet, Element]>();
  for (const port of ports) {
    const { byAddress, byPort, hairpins: set } = LAYOUTS[port.family];
    const [map, element] = elementOf(port, byAddress, byPort);
    if (change === 'add') transaction.addElements(map, [element]);
    else transaction.deleteElements(map, [element.key]);
    hairpins.set(port.podIp, [set, { key: [port.podIp, port.podIp] }]);
  }
  for (const [set, element] of hairpins.values()) {
    if (change === 'add') transaction.addElements(set, [element]);
    else transaction.deleteElements(set, [element.key]);
  }
  return transaction;
}

function elementOf(
  { hostIp, protocol, hostPort, podIp, podPort }: HostPort,
  byAddress: NftMap,
  byPort: NftMap,
): [NftMap, Element] {
  const key = [protocol, hostPort];
  const data = [podIp, podPort];
  return hostIp === undefined ? [byPort, { key, data }] : [byAddress, { key: [hostIp, ...key], data }];
}
