import type { Pod } from '#api/core/v1.gen.ts';

/** A resolver configuration; options as written, `ndots:5`. */
export interface ResolvConf {
  nameservers: string[];
  searches: string[];
  options: string[];
}

export interface DnsFacts {
  /** Addresses of the cluster DNS Service; may be empty. */
  clusterDns: readonly string[];
  clusterDomain: string;
  /** The node's own configuration. */
  host: ResolvConf;
}

const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_LENGTH = 2048;
const MAX_ENTRY_LENGTH = 253;

/** Reads a resolv.conf: nameservers add up, the last search and options line wins, trailing dots go. */
export function parseResolvConf(text: string): ResolvConf {
  const result: ResolvConf = { nameservers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...fields] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && fields[0] !== undefined) result.nameservers.push(fields[0]);
    if (keyword === 'search')
      result.searches = fields.map((name) => (name === '.' ? name : name.replace(/\.$/, '')));
    if (keyword === 'options') result.options = fields;
  }
  return result;
}

/** A pod's /etc/resolv.conf by dnsPolicy and dnsConfig, and what had to be left out (for DNSConfigForming events). */
export function planResolvConf(pod: Pod, facts: DnsFacts): { conf: ResolvConf; warnings: string[] } {
  const base = planBase(pod, facts);
  const { nameservers = [], searches = [], options = [] } = pod.spec?.dnsConfig ?? {};
  const conf = {
    nameservers: unique([...base.nameservers, ...nameservers]),
    searches: unique([...base.searches, ...searches]),
    options: mergeOptions(
      base.options,
      options.map(({ name = '', value }) => (value === undefined ? name : `${name}:${value}`)),
    ),
  };
  return limit(conf);
}

function planBase(pod: Pod, { clusterDns, clusterDomain, host }: DnsFacts): ResolvConf {
  const { dnsPolicy = 'ClusterFirst', hostNetwork = false } = pod.spec ?? {};
  if (dnsPolicy === 'None') return { nameservers: [], searches: [], options: [] };
  const wantsHost = dnsPolicy === 'Default' || (hostNetwork && dnsPolicy !== 'ClusterFirstWithHostNet');
  if (wantsHost || clusterDns.length === 0) return host;
  const namespace = pod.metadata?.namespace ?? '';
  const own = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return { nameservers: [...clusterDns], searches: unique([...own, ...host.searches]), options: ['ndots:5'] };
}

/** By name; the later one wins in the place of the earlier. */
function mergeOptions(base: readonly string[], over: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const option of [...base, ...over]) byName.set(option.split(':')[0] ?? option, option);
  return [...byName.values()];
}

function limit(conf: ResolvConf): { conf: ResolvConf; warnings: string[] } {
  const warnings: string[] = [];
  const nameservers = conf.nameservers.slice(0, MAX_NAMESERVERS);
  if (nameservers.length < conf.nameservers.length) {
    warnings.push(
      `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${nameservers.join(' ')}`,
    );
  }
  let searches = conf.searches.filter((name) => name.length <= MAX_ENTRY_LENGTH).slice(0, MAX_SEARCHES);
  while (searches.join(' ').length > MAX_SEARCH_LENGTH) searches = searches.slice(0, -1);
  if (searches.length < conf.searches.length) {
    warnings.push(
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${searches.join(' ')}`,
    );
  }
  return { conf: { ...conf, nameservers, searches }, warnings };
}

/** The file's text. */
export function formatResolvConf({ nameservers, searches, options }: ResolvConf): string {
  const lines = [
    ...(searches.length > 0 ? [`search ${searches.join(' ')}`] : []),
    ...nameservers.map((server) => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

const unique = (values: readonly string[]): string[] => [...new Set(values)];
