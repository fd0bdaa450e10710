import { Cidr } from '#lib/ip.ts';
import type { IpFamilies } from './config.ts';

/** The networks (CIDRs) and hosts of one address family of a cluster; plain text, as it is told to threads. */
export interface FamilyPlan {
  readonly family: 4 | 6;
  /** Joins nodes, outside host and gateway. */
  readonly nodeNetwork: string;
  readonly podNetwork: string;
  /** Prefix length of one node's part of `podNetwork`. */
  readonly nodePodPrefix: number;
  readonly serviceNetwork: string;
  /** The fabric's own address: next hop of everyone. */
  readonly gateway: string;
  readonly apiServer: string;
  /** Answers queries for names outside of the cluster. */
  readonly dnsUpstream: string;
  /** The host outside of the cluster. */
  readonly outside: string;
  readonly clusterDns: string;
  /** Of the Service by which nodes' DNS caches reach the cluster's DNS. */
  readonly clusterDnsUpstream: string;
  /** Of the DNS cache, the same on every node. */
  readonly nodeLocalDns: string;
}

/** One node's name and addresses, one of each per family. */
export interface NodePlan {
  readonly name: string;
  readonly index: number;
  readonly zone: string | undefined;
  readonly addresses: readonly string[];
  readonly podCidrs: readonly string[];
  /** Loopback address of the host on which its node ports answer. */
  readonly hostAddress: string;
}

export interface AddressPlan {
  /** The primary family first. */
  readonly families: readonly FamilyPlan[];
  readonly nodes: readonly NodePlan[];
}

const IPV4: FamilyPlan = {
  family: 4,
  nodeNetwork: '172.30.0.0/16',
  podNetwork: '10.244.0.0/16',
  nodePodPrefix: 22,
  serviceNetwork: '10.96.0.0/16',
  gateway: '172.30.0.1',
  apiServer: '172.30.0.2',
  dnsUpstream: '172.30.0.3',
  outside: '172.30.255.2',
  clusterDns: '10.96.0.10',
  clusterDnsUpstream: '10.96.0.11',
  nodeLocalDns: '169.254.20.10',
};

const IPV6: FamilyPlan = {
  family: 6,
  nodeNetwork: 'fd00:172:30::/64',
  podNetwork: 'fd00:10:244::/48',
  nodePodPrefix: 64,
  serviceNetwork: 'fd00:10:96::/112',
  gateway: 'fd00:172:30::1',
  apiServer: 'fd00:172:30::2',
  dnsUpstream: 'fd00:172:30::3',
  outside: 'fd00:172:30::ff02',
  clusterDns: 'fd00:10:96::a',
  clusterDnsUpstream: 'fd00:10:96::b',
  nodeLocalDns: 'fd00:169:254::20:10',
};

/** The first node's place in the node network is after the fabric's own hosts. */
const FIRST_NODE_ADDRESS = 11;

/**
 * Deals addresses to a cluster of `nodeCount` nodes. `loopbackNet` is the upper 24 bits of the nodes' addresses on
 * the host, such as `127.81.9`.
 */
export function planAddresses(options: {
  readonly ipFamily: IpFamilies;
  readonly nodeCount: number;
  readonly zones: readonly string[];
  readonly loopbackNet: string;
}): AddressPlan {
  const { ipFamily, nodeCount, zones, loopbackNet } = options;
  const families = ipFamily === 'dual' ? [IPV4, IPV6] : ipFamily === 'ipv6' ? [IPV6] : [IPV4];
  const nodes = Array.from({ length: nodeCount }, (_, index): NodePlan => {
    return {
      name: `node-${index + 1}`,
      index,
      zone: zones.length === 0 ? undefined : zones[index % zones.length],
      addresses: families.map(({ nodeNetwork }) =>
        Cidr.of(nodeNetwork).nthAddress(FIRST_NODE_ADDRESS + index),
      ),
      podCidrs: families.map(({ podNetwork, nodePodPrefix }) =>
        Cidr.of(podNetwork).nthSubnet(nodePodPrefix, index).format(),
      ),
      hostAddress: `${loopbackNet}.${FIRST_NODE_ADDRESS + index}`,
    };
  });
  return { families, nodes };
}

/** Addresses of the API server that its certificate must name, first the ones clients inside the cluster use. */
export function apiServerAddresses({ families }: AddressPlan): string[] {
  return [
    ...families.map(({ apiServer }) => apiServer),
    ...families.map(({ serviceNetwork }) => Cidr.of(serviceNetwork).nthAddress(1)),
    '127.0.0.1',
    '::1',
  ];
}

/**
 * The loopback network of a cluster, 127.x.y: derived from its name, so that it is the same every time, and another
 * one where `taken` has it already. 127.0 is left to others.
 */
export function planLoopbackNet(name: string, taken: ReadonlySet<string>): string {
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  for (let attempt = 0; ; attempt++) {
    const place = (hash + attempt * 7919) % (254 * 256);
    const net = `127.${1 + Math.floor(place / 256)}.${place % 256}`;
    if (!taken.has(net) || attempt === 254 * 256) return net;
  }
}
