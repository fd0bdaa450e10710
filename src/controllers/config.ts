/** What the controllers may be told; everything has a default. */

export interface ControllersConfig {
  /** Run only these; default all. Names as in `CONTROLLERS` of controllers.ts. */
  only?: readonly ControllerName[] | undefined;
  /** Pod address ranges to cut nodes' podCIDRs from, one per family; none: nodes keep what they have. */
  clusterCidrs?: readonly string[] | undefined;
  /** Prefix lengths of one node's range. Default 22 and 64. */
  nodeMaskSizeIpv4?: number | undefined;
  nodeMaskSizeIpv6?: number | undefined;
  /** PEM text published in every namespace as ConfigMap kube-root-ca.crt; none: not published. */
  rootCa?: string | undefined;
  /** Endpoints of one EndpointSlice. Default 100, at most 1000. */
  maxEndpointsPerSlice?: number | undefined;
  /** Addresses mirrored from one subset of an Endpoints. Default 1000. */
  mirroringMaxEndpointsPerSubset?: number | undefined;
  /** Collect pod changes of a Service for so long before its slices are written. Default 0. */
  endpointUpdatesBatchMs?: number | undefined;
  /** A node whose Lease was not renewed for so long counts as unreachable. Default 40 s. */
  nodeMonitorGracePeriodMs?: number | undefined;
  /** How often Leases are judged. Default 2 s. */
  nodeMonitorPeriodMs?: number | undefined;
  /** Finished pods beyond this number are deleted, the oldest first. Default 12500. */
  terminatedPodThreshold?: number | undefined;
  /** A pod whose node is gone is deleted after so long. Default 5 s. */
  orphanedPodGraceMs?: number | undefined;
  /** Told of failures that are going to be retried. */
  onError?: ((error: Error, controller: string) => void) | undefined;
}

export type ControllerName =
  | 'daemonset'
  | 'deployment'
  | 'endpoint'
  | 'endpointslice'
  | 'endpointslicemirroring'
  | 'garbagecollector'
  | 'namespace'
  | 'nodeipam'
  | 'nodelifecycle'
  | 'podgc'
  | 'replicaset'
  | 'replicationcontroller'
  | 'rootca'
  | 'scheduler'
  | 'serviceaccount'
  | 'statefulset';

type Optional = 'only' | 'rootCa' | 'onError';

/** The configuration with every default filled in. */
export type ResolvedConfig = Pick<ControllersConfig, Optional> &
  Required<{ [K in Exclude<keyof ControllersConfig, Optional>]: NonNullable<ControllersConfig[K]> }>;

export function resolveConfig(config: ControllersConfig): ResolvedConfig {
  const maxEndpointsPerSlice = config.maxEndpointsPerSlice ?? 100;
  if (!Number.isInteger(maxEndpointsPerSlice) || maxEndpointsPerSlice < 1 || maxEndpointsPerSlice > 1000) {
    throw new RangeError(`maxEndpointsPerSlice: ${maxEndpointsPerSlice} is not between 1 and 1000`);
  }
  return {
    only: config.only,
    rootCa: config.rootCa,
    onError: config.onError,
    clusterCidrs: config.clusterCidrs ?? [],
    nodeMaskSizeIpv4: config.nodeMaskSizeIpv4 ?? 22,
    nodeMaskSizeIpv6: config.nodeMaskSizeIpv6 ?? 64,
    maxEndpointsPerSlice,
    mirroringMaxEndpointsPerSubset: config.mirroringMaxEndpointsPerSubset ?? 1000,
    endpointUpdatesBatchMs: config.endpointUpdatesBatchMs ?? 0,
    nodeMonitorGracePeriodMs: config.nodeMonitorGracePeriodMs ?? 40_000,
    nodeMonitorPeriodMs: config.nodeMonitorPeriodMs ?? 2000,
    terminatedPodThreshold: config.terminatedPodThreshold ?? 12_500,
    orphanedPodGraceMs: config.orphanedPodGraceMs ?? 5000,
  };
}
