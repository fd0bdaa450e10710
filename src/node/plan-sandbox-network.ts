/** A pod's network as rtnetlink requests: a veth pair, routed, no bridge, nothing left to be discovered. Pure. */
import { createHash } from 'node:crypto';
import type { RtnetlinkRequest } from '#wire/rtnetlink-types.ts';

/** Where pods send everything; answered by nobody but the permanent neighbour entry. */
export const GATEWAYS = { 4: '169.254.1.1', 6: 'fe80::1' } as const;
/** The node's end of every pod's veth pair. */
export const GATEWAY_MAC = '02:50:00:00:00:01';

export interface PodNetwork {
  /** The node's end. */
  linkName: string;
  /** Given so that a batch needs no look-up. */
  linkIndex: number;
  mac: string;
  /** One of each family. */
  podIps: readonly string[];
  /** Of the node, in any order: the source of what the node itself sends to the pod. */
  nodeIps: readonly string[];
}

const family = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);
const host = (address: string): string => `${address}/${family(address) === 6 ? 128 : 32}`;

/** `veth` and eight hex digits of the pod's uid, as short names go (15 characters at most). */
export function vethName(podUid: string): string {
  return `veth${createHash('sha256').update(podUid).digest('hex').slice(0, 8)}`;
}

/** A locally administered address made of the pod's IPv4 address, or of a hash for IPv6-only pods. */
export function podMac(podIps: readonly string[]): string {
  const v4 = podIps.find((ip) => family(ip) === 4);
  const bytes = v4
    ? v4.split('.').map(Number)
    : [...createHash('sha256').update(podIps.join()).digest().subarray(0, 4)];
  return `02:51:${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
}

/** In the node's namespace: the pair, then a route and a neighbour per address. */
export function planNodeSide(network: PodNetwork, podNetns: number): RtnetlinkRequest[] {
  const { linkName, linkIndex, mac, podIps, nodeIps } = network;
  return [
    {
      do: 'createVeth',
      name: linkName,
      index: linkIndex,
      mac: GATEWAY_MAC,
      up: true,
      peer: { name: 'eth0', index: 2, mac, netns: podNetns },
    },
    ...podIps.flatMap((ip): RtnetlinkRequest[] => {
      const source = nodeIps.find((candidate) => family(candidate) === family(ip));
      return [
        { do: 'addNeighbour', link: linkIndex, address: ip, mac },
        {
          do: 'replaceRoute',
          destination: host(ip),
          link: linkIndex,
          scope: family(ip) === 4 ? 'link' : 'global',
          ...(source === undefined ? {} : { source }),
        },
      ];
    }),
  ];
}

/** What must not outlive the pod in the node's namespace: its addresses may be another's soon. */
export function planRemoval(podIps: readonly string[], linkIndex: number): RtnetlinkRequest[] {
  return podIps.map((ip) => ({ do: 'deleteRoute', destination: host(ip), link: linkIndex }));
}

/** In the pod's namespace: loopback, eth0 with its addresses, everything else by the gateway. */
export function planPodSide({ podIps }: PodNetwork): RtnetlinkRequest[] {
  const eth0 = 2;
  const gateways = podIps.flatMap((ip): RtnetlinkRequest[] => {
    const gateway = GATEWAYS[family(ip)];
    const everything = family(ip) === 4 ? '0.0.0.0/0' : '::/0';
    return [
      { do: 'addAddress', link: eth0, address: host(ip) },
      { do: 'addNeighbour', link: eth0, address: gateway, mac: GATEWAY_MAC },
      { do: 'addRoute', destination: everything, via: gateway, link: eth0, onlink: true },
    ];
  });
  return [{ do: 'setLink', link: 1, up: true }, { do: 'setLink', link: eth0, up: true }, ...gateways];
}
