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
