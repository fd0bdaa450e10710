import type { Zone } from './zone.ts';

/** How pod names (`10-1-2-3.NAMESPACE.pod.ZONE`) are answered: not at all, by echoing the address, or only for pods there are. */
export type PodMode = 'disabled' | 'insecure' | 'verified';

/** The options of the plugin `kubernetes`. */
export interface KubernetesConfig {
  readonly zones: readonly Zone[];
  /** Unknown names in these go on to the next plugin. */
  readonly fallthrough: readonly Zone[];
  readonly pods: PodMode;
  /** Seconds, 0 to 3600. */
  readonly ttl: number;
  /** Endpoints without host name are named after their pod. */
  readonly endpointPodNames: boolean;
  /** Endpoints are watched and have names. */
  readonly endpoints: boolean;
  /** A Service with an address but no ready endpoint does not exist. */
  readonly ignoreEmpty: boolean;
  /** Names for the endpoints in one zone of the cluster. */
  readonly zonal: boolean;
  /** Those of `zones` that hold ServiceImports in place of Services. */
  readonly multicluster: readonly Zone[];
  /** What Services have outside the cluster is kept: for `k8s_external`. */
  readonly externals: boolean;
  /** Only these; empty: all. */
  readonly namespaces: ReadonlySet<string>;
  readonly namespaceLabels: string | undefined;
  readonly labels: string | undefined;
  /** How long to hold the start up for the first lists. */
  readonly startupTimeoutMs: number;
  readonly access: ClusterAccess;
}

/** Where the API server is; nothing given: as the command line says. */
export interface ClusterAccess {
  readonly endpoint?: string | undefined;
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string } | undefined;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}
