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
  names: PodNames,
  aliases: readonly HostAlias[] = [],
): string {
  const short = names.fqdn?.split('.')[0] ?? names.hostname;
  const own = podIps.map((ip) =>
    names.fqdn ? `${ip}\t${names.fqdn}\t${short}` : `${ip}\t${names.hostname}`,
  );
  return lines(['# Kubernetes-managed hosts file.', ...LOCAL, ...own]) + aliasLines(aliases);
}

/** The /etc/hosts of a pod on the node's network: the node's file and the aliases. */
export function planHostNetworkHostsFile(nodeFile: string, aliases: readonly HostAlias[] = []): string {
  return `# Kubernetes-managed hosts file (host network).\n${nodeFile}${aliasLines(aliases)}`;
}

function aliasLines(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return '';
  const entries = aliases.map(({ ip, hostnames = [] }) => [ip, ...hostnames].join('\t'));
  return `\n${lines(['# Entries added by HostAliases.', ...entries])}`;
}

const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('');
