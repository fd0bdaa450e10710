import { readFileSync } from 'node:fs';
import { isUnspecifiedIp, parseIp } from '#lib/ip.ts';
import type { ListenAddress } from './config.ts';

const DNS_PORT = 53;

/** The name servers of a resolv.conf file's text, in order. A zone (`fe80::1%eth0`) is not supported. */
export function parseNameServers(text: string): ListenAddress[] {
  const servers: ListenAddress[] = [];
  for (const line of text.split('\n')) {
    const [keyword, value = ''] = line.trim().split(/\s+/);
    const address = keyword === 'nameserver' ? parseIp(value) : undefined;
    if (address !== undefined && !isUnspecifiedIp(address)) servers.push({ address, port: DNS_PORT });
  }
  return servers;
}

/** The search domains of the machine; none when it has no such file. */
export function searchDomains(file = '/etc/resolv.conf'): string[] {
  try {
    return searchDomainsOf(readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
}

/** The search domains of a resolv.conf file's text. The last line of them counts. */
export function searchDomainsOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const search = lines.findLast(([keyword]) => keyword === 'search' || keyword === 'domain');
  return search?.slice(1) ?? [];
}
