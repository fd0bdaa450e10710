/** How a pod's names are resolved: its dnsPolicy and dnsConfig over the node's settings. As kubelet decides it. Pure. */
import type { Pod, PodDNSConfig } from '#api/core/v1.gen.ts';
import {
  MAX_NAMESERVERS,
  MAX_SEARCH_ENTRY_LENGTH,
  MAX_SEARCH_LENGTH,
  MAX_SEARCHES,
  mergeOptions,
  type ResolvConf,
} from './plan-resolv-conf.ts';

export interface DnsFacts {
  /** Addresses of the cluster DNS Service (KubeletConfiguration's `clusterDNS`); may be empty. */
  clusterDns: readonly string[];
  /** `clusterDomain`; empty: pods search nothing of the cluster. */
  clusterDomain: string;
  /** The node's own configuration; undefined where it is told to have none (`resolvConf: ""`). */
  host: ResolvConf | undefined;
  nodeIps: readonly string[];
}

/** A Warning about the pod, and one about its node where it is the node's fault. */
export interface DnsEvent {
  reason: 'DNSConfigForming' | 'MissingClusterDNS';
  message: string;
  nodeMessage?: string;
}

export interface DnsPlan {
  conf: ResolvConf;
  events: DnsEvent[];
}

/** The resolver configuration of a pod, and the events that tell what it could not have. */
export function planPodDns(pod: Pod, facts: DnsFacts): DnsPlan {
  const events: DnsEvent[] = [];
  const base = planBase(pod, facts, events);
  const merged = pod.spec?.dnsConfig ? addDnsConfig(base, pod.spec.dnsConfig) : base;
  return { conf: limit(merged, events), events };
}

type Origin = 'cluster' | 'host' | 'none';

/** What is no policy counts as ClusterFirst with the cluster's servers, on the node's network too. */
function chooseOrigin({ dnsPolicy, hostNetwork }: NonNullable<Pod['spec']>): Origin {
  if (dnsPolicy === 'None') return 'none';
  if (dnsPolicy === 'Default' || (dnsPolicy === 'ClusterFirst' && hostNetwork)) return 'host';
  return 'cluster';
}

function planBase(pod: Pod, facts: DnsFacts, events: DnsEvent[]): ResolvConf {
  const origin = chooseOrigin(pod.spec ?? { containers: [] });
  if (origin === 'none') return { nameservers: [], searches: [], options: [] };
  if (origin === 'cluster' && facts.clusterDns.length > 0) return planClusterBase(pod, facts);
  if (origin === 'cluster') events.push(missingClusterDns(pod));
  return facts.host ?? planLocalBase(facts.nodeIps);
}

function planClusterBase(pod: Pod, { clusterDns, clusterDomain, host }: DnsFacts): ResolvConf {
  const inherited = host?.searches ?? [];
  const own = [
    `${pod.metadata?.namespace ?? ''}.svc.${clusterDomain}`,
    `svc.${clusterDomain}`,
    clusterDomain,
  ];
  const searches = clusterDomain === '' ? inherited : unique([...own, ...inherited]);
  return { nameservers: [...clusterDns], searches, options: ['ndots:5'] };
}

/** Without a file of the node: the pod itself, which no resolver answers in. A runtime left without would copy the host's. */
function planLocalBase(nodeIps: readonly string[]): ResolvConf {
  const nameservers = nodeIps.map((ip) => (ip.includes(':') ? '::1' : '127.0.0.1'));
  return {
    nameservers: nameservers.length > 0 ? nameservers : ['127.0.0.1'],
    searches: ['.'],
    options: [],
  };
}

function addDnsConfig(base: ResolvConf, dnsConfig: PodDNSConfig): ResolvConf {
  const { nameservers = [], searches = [], options = [] } = dnsConfig;
  return {
    nameservers: unique([...base.nameservers, ...nameservers]),
    searches: unique([...base.searches, ...searches]),
    options: mergeOptions(
      base.options,
      options.map(({ name = '', value }) => (value === undefined ? name : `${name}:${value}`)),
    ),
  };
}

function limit({ nameservers, searches, options }: ResolvConf, events: DnsEvent[]): ResolvConf {
  const tell = (message: string) => events.push({ reason: 'DNSConfigForming', message });
  const servers = nameservers.slice(0, MAX_NAMESERVERS);
  if (servers.length < nameservers.length) {
    tell(
      `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${servers.join(' ')}`,
    );
  }
  const fitting = limitSearches(searches);
  if (fitting.length < searches.length) {
    tell(
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${fitting.join(' ')}`,
    );
  }
  return { nameservers: servers, searches: fitting, options };
}

/** First the number, then entries that are too long, then from the end until the line fits. */
function limitSearches(searches: readonly string[]): string[] {
  const fitting = searches
    .slice(0, MAX_SEARCHES)
    .filter((name) => Buffer.byteLength(name) <= MAX_SEARCH_ENTRY_LENGTH);
  while (Buffer.byteLength(fitting.join(' ')) > MAX_SEARCH_LENGTH) fitting.pop();
  return fitting;
}

function missingClusterDns({ metadata }: Pod): DnsEvent {
  const { name = '', namespace = '', uid = '' } = metadata ?? {};
  const nodeMessage =
    'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.';
  return {
    reason: 'MissingClusterDNS',
    message: `pod: "${name}_${namespace}(${uid})". ${nodeMessage}`,
    nodeMessage,
  };
}

const unique = (values: readonly string[]): string[] => [...new Set(values)];
