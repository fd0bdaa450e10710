import { Cidr } from '#lib/ip.ts';
import type { RtnetlinkRequest } from '#wire/rtnetlink-types.ts';
import type { FamilyPlan } from './plan-addresses.ts';

/** A host on the fabric: a node, the API server, the outside host. */
export interface FabricHost {
  /** At most 13 characters: its link in the fabric is called after it. */
  readonly name: string;
  /** One per family. */
  readonly addresses: readonly string[];
  /** Networks that are reached through it. */
  readonly networks: readonly string[];
}

/** Packets with this mark are for the gateway's sockets, wherever they were addressed to. */
export const DIVERT_MARK = 0x1;
/** Routes of diverted packets. */
export const DIVERT_TABLE = 100;

const DEFAULT_ROUTE = { 4: '0.0.0.0/0', 6: '::/0' } as const;

/** What the fabric's own namespace needs before anyone joins. */
export function planFabricBase(families: readonly FamilyPlan[]): RtnetlinkRequest[] {
  return [
    { do: 'setLink', link: 'lo', up: true },
    ...families.flatMap(({ gateway, dnsUpstream }) =>
      [gateway, dnsUpstream].map((address): RtnetlinkRequest => {
        return { do: 'addAddress', link: 'lo', address: Cidr.host(address).format(), noDad: true };
      }),
    ),
    // An address of ours that nobody has must not wander about: say so at once.
    ...families.flatMap(({ serviceNetwork, podNetwork, nodeNetwork }) =>
      [serviceNetwork, podNetwork, nodeNetwork].map((network): RtnetlinkRequest => {
        return { do: 'addRoute', destination: network, type: 'unreachable', metric: 1000 };
      }),
    ),
  ];
}

/** Routes that deliver marked packets to sockets of this namespace. */
export function planDivert(families: readonly FamilyPlan[]): RtnetlinkRequest[] {
  return families.flatMap(({ family }): RtnetlinkRequest[] => [
    { do: 'addRule', family, mark: DIVERT_MARK, table: DIVERT_TABLE, priority: 100 },
    {
      do: 'addRoute',
      destination: DEFAULT_ROUTE[family],
      link: 'lo',
      type: 'local',
      scope: 'host',
      table: DIVERT_TABLE,
    },
  ]);
}

/** The link between fabric and host: made from the fabric's side, its other end put into the host's namespace. */
export function planLink(host: FabricHost, netns: number): RtnetlinkRequest[] {
  const [fabricMac, hostMac] = macAddresses(host);
  const link = linkName(host);
  return [
    {
      do: 'createVeth',
      name: link,
      mac: fabricMac,
      up: true,
      peer: { name: 'eth0', mac: hostMac, netns },
    },
    ...host.addresses.flatMap((address): RtnetlinkRequest[] => [
      { do: 'addRoute', destination: Cidr.host(address).format(), link, scope: 'link' },
      // Both ends know each other for good: the kernel's neighbour table is shared by all namespaces and would fill.
      { do: 'addNeighbour', link, address, mac: hostMac },
    ]),
    ...host.networks.map((network): RtnetlinkRequest => {
      const via = host.addresses.find((address) => Cidr.host(address).family === Cidr.of(network).family);
      return { do: 'addRoute', destination: network, via, link, onlink: true };
    }),
  ];
}

/** The host's own side of the link. */
export function planHostSide(host: FabricHost, families: readonly FamilyPlan[]): RtnetlinkRequest[] {
  const [fabricMac] = macAddresses(host);
  return [
    { do: 'setLink', link: 'lo', up: true },
    { do: 'setLink', link: 'eth0', up: true },
    ...host.addresses.map((address): RtnetlinkRequest => {
      return { do: 'addAddress', link: 'eth0', address: Cidr.host(address).format(), noDad: true };
    }),
    ...families.flatMap(({ family, gateway }): RtnetlinkRequest[] => [
      { do: 'addNeighbour', link: 'eth0', address: gateway, mac: fabricMac },
      { do: 'addRoute', destination: Cidr.host(gateway).format(), link: 'eth0', scope: 'link' },
      { do: 'addRoute', destination: DEFAULT_ROUTE[family], via: gateway, link: 'eth0', onlink: true },
    ]),
  ];
}

export function linkName({ name }: FabricHost): string {
  return `f-${name}`;
}

/** Locally administered addresses that follow from the host's first address: the same each time. */
function macAddresses({ addresses: [address = '0.0.0.0'] }: FabricHost): [fabric: string, host: string] {
  const number = Cidr.host(address).family === 4 ? ipv4Number(address) : ipv6Tail(address);
  const tail = [24, 16, 8, 0].map((shift) => ((number >>> shift) & 0xff).toString(16).padStart(2, '0'));
  return [`0a:01:${tail.join(':')}`, `0a:02:${tail.join(':')}`];
}

function ipv4Number(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}

function ipv6Tail(address: string): number {
  return Number.parseInt(address.slice(address.lastIndexOf(':') + 1) || '0', 16);
}
