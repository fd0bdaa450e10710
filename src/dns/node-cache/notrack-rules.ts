import {
  type Chain,
  inSet,
  ip,
  ip6,
  meta,
  type NftablesClient,
  type NftSet,
  notrack,
  PRIORITIES,
  type Table,
  Transaction,
  table,
  th,
} from '#kernel/nftables.ts';
import { type IpFamily, ipFamily } from '#lib/ip.ts';

/** What no connection is to be remembered of. */
export interface UntrackedPorts {
  readonly addresses: readonly string[];
  /** Of DNS, over UDP and TCP. */
  readonly port: number;
  /** Of the page /health, which the kubelet asks for; TCP. */
  readonly healthPort: number;
}

export interface NotrackOptions {
  /** Whether queries are ours, too; else only answers are dealt with. */
  readonly queries: boolean;
  /** Whether the rules go with the process, should it be killed: then the service proxy has the queries. */
  readonly owned: boolean;
}

const TABLE = table('inet', 'portolan-node-cache', 'queries to the DNS cache of this node are not tracked');
/** Before connection tracking sees a packet: on its way in, and as the node itself sends it. */
const CHAINS = (['prerouting', 'output'] as const).map(
  (hook): Chain => ({
    kind: 'chain',
    table: TABLE,
    name: hook,
    base: { type: 'filter', hook, priority: PRIORITIES.raw },
  }),
);
const SETS: Readonly<Record<IpFamily, NftSet>> = { 4: localPorts(4), 6: localPorts(6) };

function localPorts(family: IpFamily): NftSet {
  const address = family === 4 ? 'ipv4_addr' : 'ipv6_addr';
  return { kind: 'set', table: TABLE, name: `local-${family}`, key: [address, 'inet_proto', 'inet_service'] };
}

/**
 * Keeps answers from these addresses out of connection tracking, and, with `queries`, those to them too. A packet that
 * is not tracked is not translated either: a Service's address that is among them is answered here, whatever the
 * service proxy says. In one step, whatever rules were there. An answer to a query that was not tracked has to be not
 * tracked either: as a new connection it would get another port where the client has had one to the Service.
 */
export function notrackRules(
  { addresses, port, healthPort }: UntrackedPorts,
  { queries, owned }: NotrackOptions,
): Transaction {
  const table = { ...TABLE, owned };
  const transaction = removeNotrackRules({ owned }).add(table, ...CHAINS, SETS[4], SETS[6]);
  for (const [family, { saddr, daddr }] of [[4, ip] as const, [6, ip6] as const]) {
    const own = addresses.filter((address) => ipFamily(address) === family);
    const protocol = meta('l4proto');
    for (const chain of CHAINS) {
      transaction.addRule(chain, [inSet([saddr, protocol, th.sport], SETS[family]), notrack]);
      if (queries) transaction.addRule(chain, [inSet([daddr, protocol, th.dport], SETS[family]), notrack]);
    }
    const ports = [['udp', port] as const, ['tcp', port] as const, ['tcp', healthPort] as const];
    const keys = own.flatMap((address) => ports.map((rest) => ({ key: [address, ...rest] })));
    if (keys.length > 0) transaction.addElements(SETS[family], keys);
  }
  return transaction;
}

/** Made before it is removed: removing what is not there would be an error. */
export function removeNotrackRules({ owned }: Pick<NotrackOptions, 'owned'>): Transaction {
  return new Transaction().add({ ...TABLE, owned }).delete(TABLE);
}

/** What is there of it, as a text to compare; empty: nothing. */
export function describeNotrackRules(client: NftablesClient): string {
  if (findTable(client) === undefined) return '';
  const rules = client.rules(TABLE).map(({ chain, expressions }) => [chain, ...expressions]);
  const present = new Set(client.sets(TABLE).map(({ name }) => name));
  const elements = Object.values(SETS)
    .filter(({ name }) => present.has(name))
    .flatMap((set) => client.elements(set).map(({ key }) => key.join(' ')));
  return JSON.stringify([rules, elements.sort()]);
}

/** Whether they are there, and of a process that is at work. */
export function ownsNotrackRules(client: NftablesClient): boolean {
  return findTable(client)?.owned === true;
}

function findTable(client: NftablesClient): Table | undefined {
  return client.tables().find(({ family, name }) => family === TABLE.family && name === TABLE.name);
}
