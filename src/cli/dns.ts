import { readFileSync } from 'node:fs';
import { DEFAULT_DNS_CONFIG, type DnsConfig, type ListenAddress } from '#dns/config.ts';
import { startDns } from '#dns/dns.ts';
import { parseNameServers } from '#dns/resolv-conf.ts';
import { ApiClient } from '#kube/client.ts';
import { loadConfig } from '#kube/kubeconfig.ts';
import { parseAddressPort, parseIp } from '#lib/ip.ts';
import { type Command, CommandError, type CommandIo, UsageError } from './command.ts';
import { type FlagValues, integerFlag, parseFlags } from './flags.ts';

const FLAGS = {
  kubeconfig: { type: 'string' },
  listen: { type: 'string', multiple: true },
  zone: { type: 'string', multiple: true },
  ttl: { type: 'string' },
  fallthrough: { type: 'string', multiple: true },
  pods: { type: 'string', values: ['disabled', 'insecure'] },
  forward: { type: 'string', multiple: true },
  cache: { type: 'string' },
  health: { type: 'string' },
  ready: { type: 'string' },
  metrics: { type: 'string' },
  lameduck: { type: 'string' },
} as const;

const HELP = `Usage: portolan dns [flags]

Serves the names of a cluster: Services, endpoints, pods and their reverse names, from the API server
of --kubeconfig, else of the pod it runs in. Other names are forwarded. SIGTERM: turns unready, goes on
serving for the lameduck time, exits.

  --kubeconfig FILE       how to reach the API server
  --listen ADDRESS:PORT   where to answer, UDP and TCP; repeatable (default 0.0.0.0:53 and [::]:53)
  --zone NAME             zones to answer for, the cluster's first (default cluster.local in-addr.arpa ip6.arpa)
  --fallthrough ZONE      zones whose unknown names are forwarded; none: no zone (default those below arpa)
  --ttl SECONDS           of the records, 0 to 3600 (default 30)
  --pods MODE             pod names: disabled, insecure (default insecure)
  --forward SERVER        ADDRESS, ADDRESS:PORT or a resolv.conf file; repeatable (default /etc/resolv.conf)
  --cache SECONDS         how long to keep other servers' answers at most; 0: not (default 30)
  --health ADDRESS:PORT   /health (default [::]:8080); off: none
  --ready ADDRESS:PORT    /ready (default [::]:8181); off: none
  --metrics ADDRESS:PORT  /metrics (default [::]:9153); off: none
  --lameduck SECONDS      (default 5)

Examples:
  portolan dns --kubeconfig ~/.kube/config --listen 127.0.0.1:5353 --health off --ready off --metrics off
  portolan dns --forward 1.1.1.1 --forward '[2606:4700:4700::1111]:53'
`;

export const command: Command = {
  name: 'dns',
  summary: 'Serve cluster DNS',
  help: HELP,
  async run(argv, io) {
    const { values } = parseFlags(FLAGS, argv);
    const config = dnsConfig(values);
    const log = (message: string): void => void io.stderr.write(`${message}\n`);
    using client = new ApiClient(
      await loadConfig({ path: values.kubeconfig, env: { ...io.env } }).catch(explain),
    );
    await using server = await startDns(config, { client, log }).catch(explain);
    const listening = server.addresses.map(({ address, port }) => `${address} port ${port}`).join(', ');
    log(`serving ${config.kubernetes.zones.join(', ')} on ${listening}`);
    await aborted(io);
    log(`stopping in ${config.lameduckMs / 1000} s`);
    await server.stop();
    return 0;
  },
};

/** The configuration that the flags describe; throws `UsageError`. */
export function dnsConfig(values: FlagValues<typeof FLAGS>): DnsConfig {
  const defaults = DEFAULT_DNS_CONFIG;
  const zones = values.zone.length > 0 ? values.zone : defaults.kubernetes.zones;
  const number = (name: 'ttl' | 'cache' | 'lameduck', max: number, otherwise: number): number => {
    const text = values[name];
    return text === undefined ? otherwise : integerFlag(name, text, 0, max);
  };
  return {
    listen:
      values.listen.length > 0 ? values.listen.map((text) => addressFlag('listen', text)) : defaults.listen,
    kubernetes: {
      zones,
      pods: values.pods ?? defaults.kubernetes.pods,
      ttl: number('ttl', 3600, defaults.kubernetes.ttl),
      fallthrough: values.fallthrough.length > 0 ? values.fallthrough : zones.filter(isReverse),
    },
    upstreams: (values.forward.length > 0 ? values.forward : ['/etc/resolv.conf']).flatMap(serversOf),
    cacheSeconds: number('cache', 3600, defaults.cacheSeconds),
    health: pageFlag('health', values.health, defaults.health),
    ready: pageFlag('ready', values.ready, defaults.ready),
    metrics: pageFlag('metrics', values.metrics, defaults.metrics),
    lameduckMs: number('lameduck', 600, defaults.lameduckMs / 1000) * 1000,
  };
}

function isReverse(zone: string): boolean {
  return zone.toLowerCase().endsWith('.arpa');
}

function addressFlag(name: string, text: string): ListenAddress {
  const parsed = parseAddressPort(text);
  if (parsed !== undefined) return parsed;
  throw new UsageError(
    `--${name} ${text}: an address and a port such as 127.0.0.1:5353 or [::1]:5353 is expected`,
  );
}

function pageFlag(name: string, text: string | undefined, otherwise: ListenAddress | undefined) {
  if (text === 'off') return undefined;
  return text === undefined ? otherwise : addressFlag(name, text);
}

function serversOf(text: string): ListenAddress[] {
  const address = parseIp(text);
  if (address !== undefined) return [{ address, port: 53 }];
  const withPort = parseAddressPort(text);
  if (withPort !== undefined) return [withPort];
  try {
    return parseNameServers(readFileSync(text, 'utf8'));
  } catch (error) {
    throw new UsageError(
      `--forward ${text}: neither an address nor a readable file (${(error as Error).message})`,
    );
  }
}

/** What went wrong is in the message: no kubeconfig, a port that is taken. */
function explain(error: Error): never {
  throw new CommandError(error.message, { cause: error });
}

function aborted({ signal }: CommandIo): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
