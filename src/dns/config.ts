/** How pod names (`10-1-2-3.NAMESPACE.pod.ZONE`) are answered: not at all, or by echoing the address. */
export type PodMode = 'disabled' | 'insecure';

export interface KubernetesZones {
  /** The cluster's zone first, then those for reverse look-ups, without trailing dots. */
  readonly zones: readonly string[];
  readonly pods: PodMode;
  /** Seconds, 0 to 3600. */
  readonly ttl: number;
  /** Zones of `zones` whose unknown names go on to the next handler in place of NXDOMAIN. */
  readonly fallthrough: readonly string[];
}

/** A listening address; port 0 takes any free one. */
export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

export interface DnsConfig {
  /** Where DNS is served, over UDP and TCP alike. */
  readonly listen: readonly ListenAddress[];
  readonly kubernetes: KubernetesZones;
  /** Servers for all other names, tried in this order; none: such names are answered with SERVFAIL. */
  readonly upstreams: readonly ListenAddress[];
  /** How long external answers are kept at most, in seconds; 0: never. */
  readonly cacheSeconds: number;
  readonly health?: ListenAddress | undefined;
  readonly ready?: ListenAddress | undefined;
  readonly metrics?: ListenAddress | undefined;
  /** How long to go on serving after being told to stop, unready already. */
  readonly lameduckMs: number;
}

/** What kubeadm's default Corefile amounts to, without upstreams. */
export const DEFAULT_DNS_CONFIG: DnsConfig = {
  listen: [
    { address: '0.0.0.0', port: 53 },
    { address: '::', port: 53 },
  ],
  kubernetes: {
    zones: ['cluster.local', 'in-addr.arpa', 'ip6.arpa'],
    pods: 'insecure',
    ttl: 30,
    fallthrough: ['in-addr.arpa', 'ip6.arpa'],
  },
  upstreams: [],
  cacheSeconds: 30,
  health: { address: '::', port: 8080 },
  ready: { address: '::', port: 8181 },
  metrics: { address: '::', port: 9153 },
  lameduckMs: 5000,
};
