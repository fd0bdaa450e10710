/** The node's settings as those of a kubelet: what `/configz` shows, where tools look for a node's DNS. Pure. */
import { KUBELET_PORT, type NodeConfig } from './config.ts';

/** The part of KubeletConfiguration (kubelet.config.k8s.io/v1beta1) that this node has. */
export interface KubeletConfiguration {
  kind: 'KubeletConfiguration';
  apiVersion: 'kubelet.config.k8s.io/v1beta1';
  port: number;
  clusterDomain: string;
  clusterDNS: readonly string[];
  resolvConf: string;
  maxPods: number;
}

export function planKubeletConfiguration(
  { clusterDomain, clusterDns }: Pick<NodeConfig, 'clusterDomain' | 'clusterDns'>,
  { resolvConf, maxPods }: { resolvConf: string; maxPods: number },
): KubeletConfiguration {
  return {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    port: KUBELET_PORT,
    clusterDomain,
    clusterDNS: clusterDns,
    resolvConf,
    maxPods,
  };
}
