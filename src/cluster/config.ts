/** What `portolan up` was asked for. Everything that is not here is derived or kept in the data directory. */
export interface ClusterConfig {
  readonly name: string;
  /** Absolute path; holds everything the cluster keeps. */
  readonly dataDir: string;
  /** Absolute path of the image store, shared by all clusters of a user. */
  readonly imagesDir: string;
  readonly nodeCount: number;
  /** Zones are dealt to the nodes in turn; empty: nodes carry no zone label. */
  readonly zones: readonly string[];
  /** Undefined: as last time, `ipv4` the first time. */
  readonly ipFamily: IpFamilies | undefined;
  /** Port of the API server on 127.0.0.1. Undefined: as last time, a free one from 6443 on the first time. */
  readonly apiPort: number | undefined;
  /** Whether pods reach addresses and names outside of the cluster. */
  readonly egress: boolean;
  /** Whether every node has a DNS cache of its own, which pods ask. */
  readonly nodeLocalDns: boolean;
}

export type IpFamilies = 'ipv4' | 'ipv6' | 'dual';

export const IP_FAMILIES = ['ipv4', 'ipv6', 'dual'] as const satisfies readonly IpFamilies[];

/** Node numbers end where the pods' /16 has no further /22. */
export const MAX_NODES = 64;

/** The cluster cannot come up, or not stay up, and the message says why in one line. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError';
}
