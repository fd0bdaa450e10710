import { existsSync } from 'node:fs';
import { parseNameServers } from '#dns/resolv-conf.ts';
import { formatAddressPort, isLoopbackIp, parseIp } from '#lib/ip.ts';

/** A server that queries are forwarded to, and how it is spoken to. */
export interface UpstreamAddress {
  readonly scheme: 'dns' | 'tls' | 'https';
  /** IP address; a host name where `isName`. */
  readonly address: string;
  readonly port: number;
  /** Its addresses are looked up at the start. */
  readonly isName?: boolean | undefined;
  /** Path of DNS over HTTPS. */
  readonly path?: string | undefined;
  /** Name that its certificate has to have, where it stands behind the address. */
  readonly serverName?: string | undefined;
}

const PORTS = { dns: 53, tls: 853, https: 443 } as const;
const DOH_PATH = '/dns-query';
const RESOLV_CONF = '/etc/resolv.conf';
/** What systemd-resolved was told itself, where /etc/resolv.conf only names its stub at 127.0.0.53. */
const RESOLVED_CONF = '/run/systemd/resolve/resolv.conf';

/** Its last label is no number, so that addresses with a misprint are none. */
const HOST_NAME =
  /^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*(?!\d+\.?$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.?$/i;

/** Reads `[SCHEME://]ADDRESS|HOST[%NAME][:PORT][/PATH]`; undefined when it is none. */
export function parseUpstream(text: string): UpstreamAddress | undefined {
  const [, schemeText = 'dns', rest = ''] = /^(?:([a-z]+):\/\/)?(.*)$/.exec(text) ?? [];
  if (schemeText !== 'dns' && schemeText !== 'tls' && schemeText !== 'https') return undefined;
  const [, authority = '', path = ''] = /^([^/]*)(\/.*)?$/.exec(rest) ?? [];
  if (path !== '' && schemeText !== 'https') return undefined;
  const parts = /^(?:\[([^\]%]+)\]|([^%[\]]*?))(?:%([^:]+))?(?::(\d{1,5}))?$/.exec(authority);
  const bare = parseIp(authority);
  const host = parts?.[1] ?? parts?.[2] ?? '';
  const ip = bare ?? parseIp(host);
  const address = ip ?? (HOST_NAME.test(host) ? host : undefined);
  if (address === undefined) return undefined;
  const port = bare === undefined && parts?.[4] !== undefined ? Number(parts[4]) : PORTS[schemeText];
  const serverName = bare === undefined ? parts?.[3] : undefined;
  if (port === 0 || port > 0xffff || (serverName !== undefined && schemeText === 'dns')) return undefined;
  return {
    scheme: schemeText,
    address,
    port,
    ...(ip === undefined ? { isName: true } : {}),
    ...(schemeText === 'https' ? { path: path === '' ? DOH_PATH : path } : {}),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

export function formatUpstream({ scheme, address, port }: UpstreamAddress): string {
  const text = formatAddressPort(address, port);
  return scheme === 'dns' ? text : `${scheme}://${text}`;
}

/**
 * The servers that a resolv.conf names. One on this machine's loopback that has a port which this server
 * serves itself is skipped: queries would come back for ever.
 */
export function readUpstreamFile(
  file: string,
  read: (file: string) => string,
  ownPorts: ReadonlySet<number>,
): { servers: UpstreamAddress[]; skipped: UpstreamAddress[] } {
  const isLocal = ({ address }: { address: string }): boolean => isLoopbackIp(address);
  let named = parseNameServers(read(file));
  if (file === RESOLV_CONF && named.length > 0 && named.every(isLocal) && existsSync(RESOLVED_CONF)) {
    const real = parseNameServers(read(RESOLVED_CONF));
    if (real.length > 0) named = real;
  }
  const servers = named.map((server): UpstreamAddress => ({ scheme: 'dns', ...server }));
  const isSelf = (server: UpstreamAddress): boolean => isLocal(server) && ownPorts.has(server.port);
  return { servers: servers.filter((server) => !isSelf(server)), skipped: servers.filter(isSelf) };
}
