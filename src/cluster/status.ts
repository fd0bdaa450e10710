/** What `portolan status` prints, and `portolan up` when the cluster is ready. */
export interface ClusterStatus {
  readonly name: string;
  readonly dataDir: string;
  readonly kubeconfig: string;
  /** Of the supervisor, as the host sees it. */
  readonly pid: number;
  readonly phase: 'starting' | 'ready' | 'stopping';
  readonly version: string;
  readonly startedAt: string;
  readonly apiServer: string;
  /** `socks5h://` and `http://` are both understood there. */
  readonly proxy: string;
  readonly egress: boolean;
  readonly clusterDns: readonly string[];
  readonly nodes: readonly NodeStatus[];
  readonly controllers: PartStatus;
  readonly published: readonly PublishedPort[];
  readonly networks: readonly NetworkStatus[];
  /** What a part of the cluster complained of last. */
  readonly trouble: Trouble | undefined;
}

export interface NodeStatus {
  readonly name: string;
  readonly zone: string | undefined;
  readonly ready: boolean;
  readonly addresses: readonly string[];
  readonly podCidrs: readonly string[];
  /** Loopback address on which the node's ports answer. */
  readonly hostAddress: string;
  /** How often the node's thread had to be replaced. */
  readonly restarts: number;
}

export interface PartStatus {
  readonly running: boolean;
  /** How often its thread had to be replaced. */
  readonly restarts: number;
}

/** A line of a part's log. */
export interface Trouble {
  /** RFC 3339. */
  readonly at: string;
  readonly part: string;
  readonly line: string;
}

export interface NetworkStatus {
  readonly pods: string;
  readonly services: string;
  readonly nodes: string;
}

/** One port of a Service that answers on every node's loopback address. */
export interface PublishedPort {
  /** `namespace/name`. */
  readonly service: string;
  readonly portName: string | undefined;
  readonly protocol: 'TCP' | 'UDP';
  readonly nodePort: number;
  /** The port on the host: the node port, or 10000 more where the user may not open it. */
  readonly hostPort: number;
  /** Why it does not answer; undefined when it does. */
  readonly problem: string | undefined;
}

/** Descriptors of the supervisor under which a namespace is found: `/proc/PID/fd/N`. */
export interface EnterTarget {
  readonly pid: number;
  readonly net: number;
  readonly uts?: number | undefined;
  readonly ipc?: number | undefined;
}
