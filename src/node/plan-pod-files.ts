/** The files in /etc that a pod's containers share. Pure. */
import type { Pod } from '#api/core/v1.gen.ts';
import type { PodNames } from './plan-hostname.ts';
import { planHostNetworkHostsFile, planHostsFile } from './plan-hosts-file.ts';
import { formatResolvConf, type ResolvConf } from './plan-resolv-conf.ts';

export interface PodFileFacts {
  names: PodNames;
  podIps: readonly string[];
  resolvConf: ResolvConf;
  /** The node's own /etc/hosts: of pods on its network. */
  nodeHosts: string;
}

/** Texts by name in /etc. */
export type PodFiles = Record<'hosts' | 'resolv.conf' | 'hostname', string>;

export function planPodFiles(pod: Pod, { names, podIps, resolvConf, nodeHosts }: PodFileFacts): PodFiles {
  const aliases = pod.spec?.hostAliases ?? [];
  const hosts = pod.spec?.hostNetwork
    ? planHostNetworkHostsFile(nodeHosts, aliases)
    : planHostsFile(podIps, names, aliases);
  return { hosts, 'resolv.conf': formatResolvConf(resolvConf), hostname: `${names.hostname}\n` };
}
