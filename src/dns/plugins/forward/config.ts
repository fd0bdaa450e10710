import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  choice,
  durationMs,
  fail,
  integer,
  knownOption,
  noArgs,
  onlyArg,
  zonesArg,
} from '#dns/corefile/arguments.ts';
import { CorefileError, type Position } from '#dns/corefile/error.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { checkPemFiles } from '#dns/pem-files.ts';
import type { ParseScope } from '#dns/plugin.ts';
import { type Zone, ZoneSet } from '#dns/zone.ts';
import { parseAddressPort, parseIp } from '#lib/ip.ts';
import { type DnsName, parseName, ResponseCode, rcodeNumber } from '#wire/dns.ts';
import { resolveNames } from './resolve-names.ts';
import { parseUpstream, readUpstreamFile, type UpstreamAddress } from './upstream-address.ts';

export type ForwardPolicy = 'random' | 'round_robin' | 'sequential';

export interface HealthCheck {
  readonly intervalMs: number;
  readonly recursionDesired: boolean;
  readonly domain: DnsName;
}

/** Files of a client certificate, its key, and the authorities to trust; PEM. */
export interface TlsFiles {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
}

export interface ForwardConfig {
  readonly zones: ZoneSet;
  readonly except: ZoneSet;
  readonly upstreams: readonly UpstreamAddress[];
  /** Who is asked for the addresses of servers given by name; none: the machine. */
  readonly resolvers: readonly string[];
  readonly where: Position;
  readonly policy: ForwardPolicy;
  readonly forceTcp: boolean;
  /** TCP, but UDP for a while when a server does not answer over it. */
  readonly preferTcp: boolean;
  readonly preferUdp: boolean;
  /** How long an idle connection is kept; 0: not at all. */
  readonly expireMs: number;
  /** How old a connection may get at most; 0: no limit. */
  readonly maxAgeMs: number;
  readonly readTimeoutMs: number;
  /** 0: no limit. */
  readonly maxIdleConnections: number;
  /** Failed checks after which a server counts as down; 0: never. */
  readonly maxFails: number;
  /** Tries for one query; 0: as many as its time allows. */
  readonly maxConnectAttempts: number;
  /** 0: no limit. */
  readonly maxConcurrent: number;
  readonly health: HealthCheck;
  readonly tls: TlsFiles;
  readonly tlsServerName: string | undefined;
  readonly dohMethod: 'GET' | 'POST';
  /** Response codes after which the next `forward` of the server block is asked. */
  readonly next: ReadonlySet<number>;
  readonly nextOnNodata: boolean;
  /** Response codes after which the next upstream is asked. */
  readonly failover: ReadonlySet<number>;
  readonly failfast: boolean;
}

const MAX_UPSTREAMS = 15;
const MAX_INTEGER = 0x7fffffff;
const MAX_UINT32 = 0xffffffff;
const DEFAULTS = {
  except: new ZoneSet([]),
  resolvers: [],
  policy: 'random',
  forceTcp: false,
  preferTcp: false,
  preferUdp: false,
  expireMs: 10_000,
  maxAgeMs: 0,
  readTimeoutMs: 2000,
  maxIdleConnections: 0,
  maxFails: 2,
  maxConnectAttempts: 0,
  maxConcurrent: 0,
  health: { intervalMs: 500, recursionDesired: true, domain: [] },
  tls: {},
  tlsServerName: undefined,
  dohMethod: 'POST',
  next: new Set<number>(),
  nextOnNodata: false,
  failover: new Set<number>(),
  failfast: false,
} as const satisfies Omit<ForwardConfig, 'zones' | 'upstreams' | 'where'>;

type Option = (
  option: Directive,
  config: Readonly<ForwardConfig>,
  scope: ParseScope,
) => Partial<ForwardConfig>;

const flag =
  (change: Partial<ForwardConfig>): Option =>
  (option) => {
    noArgs(option);
    return change;
  };

const OPTIONS: Readonly<Record<string, Option>> = {
  except(option, { except }) {
    if (option.args.length === 0) fail(option, 'which domains?');
    const added: readonly Zone[] = zonesArg(option, option.args, []);
    return { except: new ZoneSet([...except.zones, ...added]) };
  },
  force_tcp: flag({ forceTcp: true }),
  prefer_tcp: flag({ preferTcp: true }),
  prefer_udp: flag({ preferUdp: true }),
  next_on_nodata: flag({ nextOnNodata: true }),
  failfast_all_unhealthy_upstreams: flag({ failfast: true }),
  expire: (option) => ({ expireMs: durationMs(option, onlyArg(option, 'a duration')) }),
  max_age: (option) => ({ maxAgeMs: durationMs(option, onlyArg(option, 'a duration')) }),
  read_timeout: (option) => ({ readTimeoutMs: positiveMs(option) }),
  max_idle_conns: (option) => ({ maxIdleConnections: count(option) }),
  max_fails: (option) => ({ maxFails: integer(option, onlyArg(option, 'a number'), 0, MAX_UINT32) }),
  max_connect_attempts: (option) => ({ maxConnectAttempts: count(option) }),
  max_concurrent: (option) => ({ maxConcurrent: count(option) }),
  policy: (option) => ({
    policy: choice(option, onlyArg(option, 'a policy'), ['random', 'round_robin', 'sequential']),
  }),
  doh_method: (option) => ({ dohMethod: choice(option, onlyArg(option, 'GET or POST'), ['GET', 'POST']) }),
  health_check: (option) => ({ health: healthCheck(option) }),
  tls: (option, _, { root }) => ({ tls: tlsFiles(option, root) }),
  tls_servername: (option) => ({ tlsServerName: onlyArg(option, 'a name') }),
  next: (option, { next }) => ({ next: new Set([...next, ...rcodes(option)]) }),
  failover(option, { failover }) {
    const codes = rcodes(option);
    if (codes.includes(ResponseCode.NOERROR)) fail(option, 'NOERROR is no failure');
    return { failover: new Set([...failover, ...codes]) };
  },
  resolver(option, { resolvers }) {
    if (option.args.length === 0) fail(option, 'which addresses?');
    for (const text of option.args) {
      if (parseIp(text) === undefined && parseAddressPort(text) === undefined)
        fail(option, `${text} is no address such as 10.0.0.1 or 10.0.0.1:53`);
    }
    return { resolvers: [...resolvers, ...option.args] };
  },
};

/** What is wrong with so many servers. */
function tooMany(count: number): string {
  return `${count} servers are too many; ${MAX_UPSTREAMS} is the most`;
}

/** The same with addresses for names. Rejects with a `CorefileError` where there is none, or there are too many. */
export async function withAddresses(config: ForwardConfig, signal: AbortSignal): Promise<ForwardConfig> {
  const { upstreams: named, resolvers, where } = config;
  if (!named.some(({ isName }) => isName)) return config;
  const upstreams = await resolveNames(named, resolvers, signal).catch((error: Error) => {
    throw new CorefileError(where, `forward: ${error.message}, and there is no file of this name`);
  });
  if (upstreams.length > MAX_UPSTREAMS)
    throw new CorefileError(where, `forward: ${tooMany(upstreams.length)}`);
  return { ...config, upstreams };
}

/** Reads `forward FROM TO… { options }`. */
export function parseForward(directive: Directive, scope: ParseScope): ForwardConfig {
  const [from, ...to] = directive.args;
  if (from === undefined || to.length === 0)
    fail(directive, 'needs a domain and servers, such as: forward . 9.9.9.9');
  const zones = new ZoneSet(zonesArg(directive, [from], []));
  const upstreams = to.flatMap((text) => upstreamsOf(directive, text, scope));
  if (upstreams.length > MAX_UPSTREAMS) fail(directive, tooMany(upstreams.length));
  let config: ForwardConfig = { ...DEFAULTS, zones, upstreams, where: directive.where };
  for (const option of directive.block ?? []) {
    const read = knownOption('forward', option, OPTIONS);
    config = { ...config, ...read(option, config, scope) };
  }
  const transports = [config.forceTcp && 'force_tcp', config.preferUdp && 'prefer_udp'].find(Boolean);
  if (config.preferTcp && transports) fail(directive, `prefer_tcp and ${transports} exclude each other`);
  if (config.maxAgeMs > 0 && config.maxAgeMs < config.expireMs)
    fail(directive, 'max_age is shorter than expire: connections would never be kept as long as that');
  if (config.tlsServerName !== undefined && upstreams.some(({ serverName }) => serverName !== undefined))
    fail(directive, 'tls_servername and a name behind % in a server exclude each other');
  return config;
}

function upstreamsOf(
  directive: Directive,
  text: string,
  { root, warn, keys }: ParseScope,
): UpstreamAddress[] {
  const upstream = parseUpstream(text);
  const file = resolve(root, text);
  const isFile = statSync(file, { throwIfNoEntry: false })?.isFile() === true;
  if (upstream !== undefined && (upstream.isName !== true || !isFile)) return [upstream];
  if (!isFile)
    fail(
      directive,
      `${text} is neither an address (9.9.9.9, tls://9.9.9.9, https://9.9.9.9), a host nor a file`,
    );
  const ownPorts = new Set(keys.filter(({ scheme }) => scheme === 'dns').map(({ port }) => port));
  const { servers, skipped } = readUpstreamFile(file, (path) => readFileSync(path, 'utf8'), ownPorts);
  for (const { address } of skipped)
    warn(`forward: ${text} names ${address}, which would be this server itself; it is left out`);
  return servers;
}

function positiveMs(option: Directive): number {
  const ms = durationMs(option, onlyArg(option, 'a duration'));
  if (ms <= 0) fail(option, 'the duration has to be longer than nothing');
  return ms;
}

function count(option: Directive): number {
  return integer(option, onlyArg(option, 'a number'), 0, MAX_INTEGER);
}

function healthCheck(option: Directive): HealthCheck {
  const [interval, ...words] = option.args;
  if (interval === undefined) fail(option, 'takes a duration, then no_rec and domain NAME if wanted');
  let health: HealthCheck = { ...DEFAULTS.health, intervalMs: durationMs(option, interval) };
  for (let at = 0; at < words.length; at++) {
    if (choice(option, words[at] ?? '', ['no_rec', 'domain']) === 'no_rec') {
      health = { ...health, recursionDesired: false };
      continue;
    }
    const domain = parseName(words[++at] ?? fail(option, 'domain: which one?'));
    health = { ...health, domain: domain ?? fail(option, `${words[at]} is no domain name`) };
  }
  return health;
}

function tlsFiles(option: Directive, root: string): TlsFiles {
  const files = option.args.map((file) => resolve(root, file));
  if (files.length > 3) fail(option, 'takes at most three files: certificate, key, authorities');
  const [cert, key, ca] = files.length === 1 ? [undefined, undefined, files[0]] : files;
  try {
    checkPemFiles({ certificate: cert, key, ca });
  } catch (error) {
    fail(option, (error as Error).message);
  }
  return { cert, key, ca };
}

function rcodes(option: Directive): number[] {
  if (option.args.length === 0) fail(option, 'which response codes? SERVFAIL, NXDOMAIN, REFUSED, …');
  return option.args.map((text) => rcodeNumber(text) ?? fail(option, `${text} is no response code`));
}
