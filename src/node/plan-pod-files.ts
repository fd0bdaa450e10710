/** The files in /etc that a pod's containers share. Pure. */
import type { Pod } from '#api/core/v1.gen.ts';
import type { PodNames } from './plan-hostname.ts';
import { planHostNetworkHostsFile, planHostsFile } from './plan-hosts-file.ts';
import { formatResolvConf, planResolvConf, type ResolvConf } from './plan-resolv-conf.ts';

export interface PodFileFacts {
  config: { clusterDns: readonly string[]; clusterDomain: string };
  hostResolvConf: ResolvConf;
}

/** A node of the fabric has no /etc/hosts of its own. */
const NODE_HOSTS = '127.0.0.1\tlocalhost\n::1\tlocalhost\n';

export function planPodFiles(
  pod: Pod,
  names: PodNames,
  podIps: readonly string[],
  { config, hostResolvConf }: PodFileFacts,
): { files: Record<'hosts' | 'resolv.conf' | 'hostname', string>; warnings: string[] } {
  const { clusterDns, clusterDomain } = config;
  const { conf, warnings } = planResolvConf(pod, { clusterDns, clusterDomain, host: hostResolvConf });
  const aliases = pod.spec?.hostAliases ?? [];
  const hosts = pod.spec?.hostNetwork
    ? planHostNetworkHostsFile(NODE_HOSTS, aliases)
    : planHostsFile(podIps, names, aliases);
  return {
    files: { hosts, 'resolv.conf': formatResolvConf(conf), hostname: `${names.hostname}\n` },
    warnings,
  };
}
