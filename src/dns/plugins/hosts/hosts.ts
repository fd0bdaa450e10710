import { onlyOnce } from '#dns/corefile/arguments.ts';
import { answerWith, emptyAnswer } from '#dns/finish-answer.ts';
import type { DnsAnswer } from '#dns/handler.ts';
import type { Plugin, SetupContext } from '#dns/plugin.ts';
import { ReloadedFile } from '#dns/plugins/reloaded-file.ts';
import { isInZone } from '#dns/zone.ts';
import { ipFamily } from '#lib/ip.ts';
import { CLASS_IN, type DnsName, nameKey, RecordType, ResponseCode } from '#wire/dns.ts';
import { type DnsQuery, questionLabels } from '#wire/dns-query.ts';
import { type HostsConfig, parseHostsConfig } from './config.ts';
import { type HostsTable, mergeHosts, parseHosts } from './table.ts';

/** `hosts`: answers A, AAAA and PTR from a file like /etc/hosts and from lines of the Corefile. */
export const hosts: Plugin = {
  name: 'hosts',
  parse(directives, scope) {
    const config = parseHostsConfig(onlyOnce(directives), scope);
    return {
      explain: [`answers addresses of hosts in ${config.file} and of ${lineCount(config)} lines of its own`],
      setup: (context) => setup(config, context),
    };
  },
};

function setup(config: HostsConfig, context: SetupContext): ReturnType<ReturnType<Plugin['parse']>['setup']> {
  const inline = parseHosts(config.inline);
  const { metrics } = context;
  const entries = metrics
    .gauge('coredns_hosts_entries', 'Addresses of hosts.', ['hostsfile'])
    .with(config.file);
  const loadedAt = metrics
    .gauge('coredns_hosts_reload_timestamp_seconds', 'When the file was last read.')
    .with();
  const file = new ReloadedFile<HostsTable>(
    {
      file: config.file,
      intervalMs: config.reloadMs,
      parse: (text) => mergeHosts(parseHosts(text), inline),
      otherwise: inline,
      onLoaded: () => {
        loadedAt.value = Date.now() / 1000;
      },
    },
    context,
  );
  metrics
    .gauge('coredns_hosts_entries', 'Addresses of hosts.', ['hostsfile'])
    .onCollect(context.signal, () => {
      const { addresses, names } = file.value;
      const both = [...addresses.values(), ...names.values()];
      entries.value = both.reduce((sum, { length }) => sum + length, 0);
    });
  return {
    name: 'hosts',
    handle(request, next) {
      const answer = planHosts(config, file.value, request.query);
      if (answer === 'next') return next(request);
      request.answeredBy = 'hosts';
      return answer;
    },
  };
}

/** `next`: the plugins behind are to answer. */
function planHosts(config: HostsConfig, table: HostsTable, query: DnsQuery): DnsAnswer | 'next' {
  const { type } = query;
  const name = questionLabels(query);
  if (type === RecordType.PTR) {
    // Whatever its zones are, and whether unknown names go on or not: reverse names are others' too.
    const names = config.reverse ? table.names.get(nameKey(name)) : undefined;
    const known = names?.filter((host) => isOwn(host, config));
    if (known === undefined || known.length === 0) return 'next';
    return answerWith(known.map((target) => record(name, type, config.ttl, { kind: 'name', target })));
  }
  if (config.zones.match(query) === undefined) return 'next';
  const addresses = lookUp(table, name);
  if (addresses === undefined) return otherwise(config, query);
  if (type !== RecordType.A && type !== RecordType.AAAA)
    return config.fallthroughUnsupported && config.fallthrough.match(query) !== undefined
      ? 'next'
      : answerWith([]);
  const owner = name.map((label) => label.toLowerCase());
  const family = type === RecordType.A ? 4 : 6;
  const answers = addresses
    .filter((address) => ipFamily(address) === family)
    .map((address) => record(owner, type, config.ttl, { kind: 'address', address }));
  return answerWith(answers);
}

/** Nobody else may answer unless `fallthrough` says so. */
function otherwise({ fallthrough }: HostsConfig, query: DnsQuery): DnsAnswer | 'next' {
  return fallthrough.match(query) === undefined ? emptyAnswer(ResponseCode.SERVFAIL) : 'next';
}

/** The addresses of a name, or of the wildcard next to it. */
function lookUp({ addresses }: HostsTable, name: DnsName): readonly string[] | undefined {
  return (
    addresses.get(nameKey(name)) ??
    (name.length > 0 ? addresses.get(nameKey(['*', ...name.slice(1)])) : undefined)
  );
}

/** Names that a PTR record tells have to be in the plugin's own zones. */
function isOwn(host: DnsName, { zones }: HostsConfig): boolean {
  return zones.zones.some((zone) => isInZone(nameKey(host), zone));
}

function record(
  name: DnsName,
  type: number,
  ttl: number,
  data: DnsAnswer['answers'][number]['data'],
): DnsAnswer['answers'][number] {
  return { name, type, class: CLASS_IN, ttl, data };
}

function lineCount({ inline }: HostsConfig): number {
  return inline === '' ? 0 : inline.split('\n').length;
}
