import type { ApiClient } from '#kube/client.ts';
import type { ContainerAccess } from './container-access.ts';

/** What a node is told when it starts. It runs in the network namespace of the calling thread. */
export interface NodeConfig {
  nodeName: string;
  client: ApiClient;
  /** Of the node itself, the primary family first: InternalIP of the Node object. */
  addresses: readonly string[];
  /** One per family; absent: waits for them in the Node's spec. */
  podCidrs?: readonly string[] | undefined;
  zone?: string | undefined;
  region?: string | undefined;
  /** Further labels of the Node object. */
  labels?: Readonly<Record<string, string>> | undefined;
  /** Addresses of the cluster DNS Service: KubeletConfiguration's `clusterDNS`. Empty: pods get the node's resolver. */
  clusterDns: readonly string[];
  /** KubeletConfiguration's `clusterDomain`; empty: pods search nothing of the cluster. */
  clusterDomain: string;
  /** For pods' directories and logs; what is in it from an earlier run is removed. */
  dataDir: string;
  /** Default `$XDG_DATA_HOME/portolan/images`. */
  imageDirectory?: string | undefined;
  /** What `portolan/portolan` runs: the folder of this program and its entry file in it. */
  program: { directory: string; entry: string };
  /** PEM texts for the server on port 10250; absent: no server (tests). */
  kubelet?: { certificate: string; key: string; clientCa: string } | undefined;
  /** KubeletConfiguration's `resolvConf`: the node's own resolver file, default /etc/resolv.conf; '': no look-ups. */
  resolvConf?: string | undefined;
  /** Text of the node's own /etc/hosts; default: localhost, and the node's name at its addresses. */
  hostsFile?: string | undefined;
  /** Default 1000. */
  maxPods?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Told of failures that the node goes on after. */
  onError?: ((error: Error) => void) | undefined;
}

/** A running node. Disposing of it ends its pods at once and closes what it opened. */
export interface NodeAgent extends AsyncDisposable {
  readonly name: string;
  /** Logs, exec, attach and port-forward of its containers. */
  readonly access: ContainerAccess;
  /** Descriptors of a pod's namespaces; undefined when it is not on this node. They stay the node's. */
  podNamespaces(namespace: string, name: string): { net: number; uts: number; ipc: number } | undefined;
}

/** The kubelet's port. */
export const KUBELET_PORT = 10250;
