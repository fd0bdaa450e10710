/** What the DNS server keeps of a Service. */
export interface ServiceEntry {
  readonly namespace: string;
  readonly name: string;
  readonly kind: 'cluster-ip' | 'headless' | 'external-name';
  readonly clusterIps: readonly string[];
  readonly ports: readonly PortEntry[];
  readonly externalName: string;
  /** Addresses and host names that it has outside the cluster; only where a plugin asks for them. */
  readonly externals: readonly string[];
}

export interface PortEntry {
  /** Lower case; empty: unnamed. */
  readonly name: string;
  /** Lower case. */
  readonly protocol: string;
  readonly port: number;
}

/** What the DNS server keeps of an EndpointSlice: its ready addresses. */
export interface SliceEntry {
  readonly namespace: string;
  readonly name: string;
  /** Of the label `kubernetes.io/service-name`. */
  readonly service: string;
  /** The cluster that exports it; only slices behind a ServiceImport have one. */
  readonly cluster: string | undefined;
  readonly ports: readonly PortEntry[];
  readonly addresses: readonly AddressEntry[];
}

export interface AddressEntry {
  /** As the slice has it. */
  readonly address: string;
  /** The label below the Service's name: the host name, else the address with dashes. */
  readonly hostname: string;
  /** The zone of its node, lower case. */
  readonly zone: string | undefined;
}

/** What the DNS server keeps of a Pod. */
export interface PodEntry {
  readonly namespace: string;
  readonly name: string;
  readonly addresses: readonly string[];
  /** Of the node that it runs on; undefined: not known. */
  readonly nodeAddresses?: readonly string[] | undefined;
}

/** What plans read. */
export interface ClusterView {
  hasNamespace(name: string): boolean;
  service(namespace: string, name: string): ServiceEntry | undefined;
  slices(namespace: string, service: string): Iterable<SliceEntry>;
  /** By canonical address. */
  servicesByIp(address: string): Iterable<ServiceEntry>;
  /** By what they have outside the cluster. */
  servicesByExternalIp(address: string): Iterable<ServiceEntry>;
  slicesByIp(address: string): Iterable<SliceEntry>;
  podsByIp(address: string): Iterable<PodEntry>;
}
