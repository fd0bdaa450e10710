import { formatAddressPort, parseAddressPort, parseIp } from '#lib/ip.ts';
import { formatName, parseName } from '#wire/dns.ts';

/** What a `kube-dns` ConfigMap says, as Corefile text. */
export interface StubDomains {
  /** A server block per stub domain; empty when there is none. */
  readonly blocks: string;
  /** `ADDRESS:PORT` of servers for all other names; empty: those of /etc/resolv.conf stay. */
  readonly upstreams: readonly string[];
}

export interface StubDomainOptions {
  /** Port that the blocks are served on. */
  readonly port?: number | undefined;
  /** Addresses that the blocks are served on; undefined: all. */
  readonly bind?: readonly string[] | undefined;
  /** How long answers are kept. */
  readonly cacheSeconds?: number | undefined;
}

/** A ConfigMap that cannot be used: key, and what is wrong. */
export class StubDomainError extends Error {
  override readonly name = 'StubDomainError';
}

const MAX_UPSTREAMS = 3;
const DNS_PORT = 53;

/**
 * Translates `data` of a kube-dns ConfigMap: `stubDomains`, JSON of a domain's servers by domain, and
 * `upstreamNameservers`, a JSON list of up to three servers. Other keys are not looked at.
 */
export function planStubDomains(
  data: Readonly<Record<string, string>>,
  { port = DNS_PORT, bind, cacheSeconds = 30 }: StubDomainOptions = {},
): StubDomains {
  const stubs = readJson(data, 'stubDomains') ?? {};
  if (typeof stubs !== 'object' || Array.isArray(stubs))
    throw new StubDomainError('stubDomains: is no JSON object such as {"corp.example": ["10.0.0.1"]}');
  const blocks = Object.entries(stubs).map(([domain, servers]) => {
    const name = parseName(domain);
    if (name === undefined || name.length === 0)
      throw new StubDomainError(`stubDomains: ${JSON.stringify(domain)} is no domain`);
    const targets = serversOf('stubDomains', domain, servers).join(' ');
    const lines = [
      'errors',
      `cache ${cacheSeconds}`,
      ...(bind === undefined ? [] : [`bind ${bind.join(' ')}`]),
      `forward . ${targets}`,
    ];
    return `${formatName(name)}:${port} {\n${lines.map((line) => `    ${line}\n`).join('')}}\n`;
  });
  const upstreams = readJson(data, 'upstreamNameservers');
  return {
    blocks: blocks.join(''),
    upstreams: upstreams === undefined ? [] : upstreamServers(upstreams),
  };
}

function upstreamServers(value: unknown): string[] {
  const servers = serversOf('upstreamNameservers', 'the list', value);
  if (servers.length > MAX_UPSTREAMS)
    throw new StubDomainError(
      `upstreamNameservers: ${servers.length} servers are too many; ${MAX_UPSTREAMS} is the most`,
    );
  return servers;
}

function readJson(data: Readonly<Record<string, string>>, key: string): unknown {
  const text = data[key];
  if (text === undefined || text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StubDomainError(`${key}: is no JSON: ${(error as Error).message}`);
  }
}

function serversOf(key: string, what: string, value: unknown): string[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new StubDomainError(`${key}: ${what} has no list of servers such as ["10.0.0.1"]`);
  return value.map((server: unknown) => {
    const text = String(server);
    const address = parseIp(text);
    const target = address === undefined ? parseAddressPort(text) : { address, port: DNS_PORT };
    if (typeof server !== 'string' || target === undefined)
      throw new StubDomainError(`${key}: ${what}: ${text} is neither an address nor ADDRESS:PORT`);
    return formatAddressPort(target.address, target.port);
  });
}
