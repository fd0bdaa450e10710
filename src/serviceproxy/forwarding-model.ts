import type { Ip, IpFamily } from '#lib/ip.ts';

/**
 * What a node's data plane has to do, as data: every rule of Kubernetes about Services has been applied
 * by the time it is here. Data planes bring the kernel to it and decide nothing.
 */
export interface ForwardingModel {
  readonly settings: NodeSettings;
  /** By `NAMESPACE/NAME`; Services without virtual servers are absent. */
  readonly services: ReadonlyMap<string, ServicePlan>;
}

/** What holds for all Services of the node. */
export interface NodeSettings {
  /** Where node ports are served; undefined: on none. */
  readonly nodePortAddresses: readonly Ip[];
  /** Sources inside are pods and keep their addresses. Empty: nobody can be told from outside. */
  readonly clusterCidrs: readonly string[];
  /** Addresses inside that no Service has are dropped. */
  readonly serviceCidrs: readonly string[];
  /** Connections to ClusterIPs are masqueraded whoever makes them. */
  readonly masqueradeAll: boolean;
}

export interface ServicePlan {
  readonly namespace: string;
  readonly name: string;
  readonly virtualServers: readonly VirtualServer[];
  /** ClusterIPs: other ports on them are refused. */
  readonly clusterIps: readonly Ip[];
  /** Addresses of endpoints on this node, which may reach themselves through the Service. */
  readonly localEndpoints: readonly Ip[];
  readonly healthCheck: HealthCheckPlan | undefined;
}

export type Protocol = 'tcp' | 'udp' | 'sctp';

/** Connections to `match` go to one of the endpoints of the destination for their source. */
export interface VirtualServer {
  readonly match: Match;
  /** The name of the Service's port; may be empty. */
  readonly portName: string;
  /** For everybody, or, with `internal`, for those outside the cluster. */
  readonly destination: Destination;
  /** For pods and this node itself, where that is another list. */
  readonly internal: Destination | undefined;
  /** Only sources inside may connect; undefined: everybody. */
  readonly sourceRanges: readonly string[] | undefined;
  /** Every endpoint that still serves, terminating ones too: connections made before may stay with them. */
  readonly serving: readonly EndpointAddress[];
  /** How long a client keeps its endpoint; undefined: every connection is balanced anew. */
  readonly affinitySeconds: number | undefined;
}

export type Match =
  | {
      readonly kind: 'address';
      readonly family: IpFamily;
      readonly address: Ip;
      readonly protocol: Protocol;
      readonly port: number;
    }
  | {
      readonly kind: 'node-port';
      readonly family: IpFamily;
      readonly protocol: Protocol;
      readonly port: number;
    };

export interface Destination {
  readonly endpoints: readonly EndpointAddress[];
  /** Whose source address is replaced by the node's; endpoints that reach themselves always. */
  readonly masquerade: 'never' | 'from-node' | 'off-cluster' | 'always';
  /** What a connection meets when there are no endpoints. */
  readonly otherwise: 'reject' | 'drop';
  /** Distinguishes the lists of one Service port: affinity is kept for each. */
  readonly list: 'cluster' | 'local';
}

export interface EndpointAddress {
  readonly address: Ip;
  readonly port: number;
}

/** Answers load balancers whether this node has endpoints. */
export interface HealthCheckPlan {
  readonly port: number;
  readonly localReadyEndpoints: number;
}

export function matchKey(match: Match): string {
  const address = match.kind === 'address' ? match.address : `node${match.family}`;
  return `${match.protocol}/${address}/${match.port}`;
}
