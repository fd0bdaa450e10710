import type { HostAlias } from '#api/core/v1.gen.ts';
import type { PodNames } from './plan-hostname.ts';

const LOCAL = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'fe00::0\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
];

/** The /etc/hosts of a pod with its own network; the format is kubelet's. */
export function planHostsFile(
  podIps: readonly string[],
  { short, domain }: Pick<PodNames, 'short' | 'domain'>,
  aliases: readonly HostAlias[] = [],
): string {
  const names = domain === undefined ? short : `${short}.${domain}\t${short}`;
  const own = podIps.map((ip) => `${ip}\t${names}`);
  return lines(['# Kubernetes-managed hosts file.', ...LOCAL, ...own]) + aliasLines(aliases);
}

/** The /etc/hosts of a pod on the node's network: the node's file and the aliases. */
export function planHostNetworkHostsFile(nodeFile: string, aliases: readonly HostAlias[] = []): string {
  return `# Kubernetes-managed hosts file (host network).\n${nodeFile}${aliasLines(aliases)}`;
}

/** The /etc/hosts of a node of the fabric, which has no files of its own: it knows its own name. */
export function planNodeHostsFile(nodeName: string, nodeIps: readonly string[]): string {
  return lines([...LOCAL, ...nodeIps.map((ip) => `${ip}\t${nodeName}`)]);
}

function aliasLines(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return '';
  const entries = aliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}`);
  return `\n${lines(['# Entries added by HostAliases.', ...entries])}`;
}

const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('');
