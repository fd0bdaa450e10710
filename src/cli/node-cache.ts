import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type CorefileSource, corefileSource } from '#dns/corefile-source.ts';
import { KeptNodeNetwork, type NodeNetworkConfig } from '#dns/node-cache/keep-network.ts';
import {
  defaultNodeTemplate,
  planNodeCorefile,
  serviceHostVariable,
} from '#dns/node-cache/plan-node-corefile.ts';
import { StubDomainError } from '#dns/plan-stub-domains.ts';
import { formatAddressPort, parseAddressPort } from '#lib/ip.ts';
import { type Command, CommandError, type CommandIo, UsageError } from './command.ts';
import { type FlagValues, integerFlag, parseFlags } from './flags.ts';
import { addressListFlag, durationFlag, flagWords } from './go-flags.ts';
import { serveDns } from './serve-dns.ts';

const BOOLEAN = { type: 'string', values: ['true', 'false'] } as const;
const FLAGS = {
  localip: { type: 'string' },
  conf: { type: 'string' },
  basecorefile: { type: 'string' },
  upstreamsvc: { type: 'string' },
  clusterdns: { type: 'string' },
  clusterdomain: { type: 'string' },
  kubednscm: { type: 'string' },
  kubeconfig: { type: 'string' },
  setupinterface: BOOLEAN,
  interfacename: { type: 'string' },
  setupiptables: BOOLEAN,
  setupebtables: BOOLEAN,
  syncinterval: { type: 'string' },
  skipteardown: BOOLEAN,
  'health-port': { type: 'string' },
  'metrics-listen-address': { type: 'string' },
  'dns.port': { type: 'string' },
  pidfile: { type: 'string' },
  print: { type: 'boolean' },
} as const;
type Values = FlagValues<typeof FLAGS>;

const BASE_COREFILE = '/etc/coredns/Corefile.base';
const KUBE_DNS_CONFIG = '/etc/kube-dns';

const HELP = `Usage: portolan node-cache --localip ADDRESS,… [flags]

A DNS cache on every node, in the place of NodeLocal DNSCache: the flags are those of its node-cache, with one dash
or two, so that its manifest serves with another image and command. It answers on addresses of its own, asks the
cluster's DNS over TCP (over UDP when that stalls), and keeps all of it out of connection tracking.

  --localip A,B                 where to answer: an address of the node's own, and, if wanted, that of Service kube-dns
  --upstreamsvc NAME            Service in front of the cluster's DNS, of the own namespace (default kube-dns)
  --clusterdns ADDRESS          its address, where there is no pod's environment to take it from
  --basecorefile FILE           Corefile with placeholders such as __PILLAR__CLUSTER__DNS__
                                (default ${BASE_COREFILE}; one as in Kubernetes' manifest if there is none)
  --conf FILE                   taken in its place where that is not there
  --clusterdomain NAME          (default cluster.local)
  --kubednscm DIR               kube-dns ConfigMap with stubDomains and upstreamNameservers (default ${KUBE_DNS_CONFIG},
                                if it is there)
  --setupinterface=false        make no interface: the addresses are on the node already
  --interfacename NAME          (default nodelocaldns)
  --setupiptables=false         make no rules against connection tracking
  --syncinterval DURATION       how often interface and rules are looked after (default 60s)
  --skipteardown=true           leave both at the end
  --health-port PORT            of /health on the first address (default 8080)
  --metrics-listen-address A:P  counts of set-up errors (default 0.0.0.0:9353); off: none
  --dns.port PORT               of zones that name none (default 53)
  --kubeconfig FILE             for a Corefile with plugins that watch the API server
  --pidfile FILE                written when queries are answered
  --print                       show the Corefile that comes of it, and end

Examples:
  portolan node-cache -localip 169.254.20.10,10.96.0.10 -upstreamsvc kube-dns-upstream
  portolan node-cache --localip 169.254.20.10 --clusterdns 10.96.0.10 --print
`;

export const command: Command = {
  name: 'node-cache',
  summary: 'Cache DNS on a node, in the place of NodeLocal DNSCache',
  help: HELP,
  async run(argv, io) {
    const { values } = parseFlags(FLAGS, flagWords(argv));
    if (values.setupebtables === 'true') throw new UsageError('--setupebtables: not implemented');
    const log = (message: string): void => void io.stderr.write(`${message}\n`);
    const network = networkOf(values, log);
    const source = sourceOf(values, network.addresses, io, log);
    try {
      // Before anything is made.
      await source.load();
      if (values.print) io.stdout.write(await source.corefile());
      else await serve(values, source, network, io);
      return 0;
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new CommandError((error as Error).message, { cause: error });
    }
  },
};

async function serve(values: Values, source: CorefileSource, network: NodeNetworkConfig, io: CommandIo) {
  const { kubeconfig, pidfile } = values;
  const { log } = network;
  await using kept = await KeptNodeNetwork.open(network);
  const serving = (): void => {
    kept.begin();
    if (pidfile !== undefined) writeFileSync(pidfile, `${process.pid}\n`);
  };
  const counted = { ...source, load: () => source.load().catch(countConfigErrors(kept)) };
  await serveDns({ source: counted, kubeconfig, log, serving, stopping: () => kept.end() }, io);
}

function countConfigErrors(network: KeptNodeNetwork): (error: Error) => never {
  return (error) => {
    if (error instanceof StubDomainError) network.countError('configmap');
    throw error;
  };
}

function networkOf(values: Values, log: (message: string) => void): NodeNetworkConfig {
  const metrics = values['metrics-listen-address'] ?? '0.0.0.0:9353';
  const listen = metrics === 'off' ? undefined : parseAddressPort(metrics.replace(/^:/, '[::]:'));
  if (metrics !== 'off' && listen === undefined)
    throw new UsageError(
      `--metrics-listen-address ${metrics}: an address and a port such as 0.0.0.0:9353 is expected`,
    );
  return {
    addresses: addressListFlag('localip', values.localip),
    port: integerFlag('dns.port', values['dns.port'] ?? '53', 1, 65_535),
    healthPort: integerFlag('health-port', values['health-port'] ?? '8080', 1, 65_535),
    interfaceName: values.setupinterface === 'false' ? undefined : interfaceName(values.interfacename),
    notrack: values.setupiptables !== 'false',
    syncIntervalMs: durationFlag('syncinterval', values.syncinterval ?? '60s'),
    skipTeardown: values.skipteardown === 'true',
    metrics: listen,
    log,
  };
}

function interfaceName(name = 'nodelocaldns'): string {
  if (/^[^\s/:]{1,15}$/.test(name) && name !== '.' && name !== '..') return name;
  throw new UsageError(`--interfacename ${name}: 1 to 15 characters without spaces, / and : are expected`);
}

function sourceOf(
  values: Values,
  localIps: readonly string[],
  { env }: CommandIo,
  warn: (message: string) => void,
): CorefileSource {
  const port = integerFlag('dns.port', values['dns.port'] ?? '53', 1, 65_535);
  const healthPort = Number(values['health-port'] ?? '8080');
  const service = values.upstreamsvc ?? 'kube-dns';
  const clusterDns =
    values.clusterdns === undefined
      ? env[serviceHostVariable(service)]
      : addressListFlag('clusterdns', values.clusterdns).join(' ');
  const filled = { localIps, clusterDns, clusterDomain: values.clusterdomain ?? 'cluster.local' };
  const file = templateFile(values);
  const healthAddress = formatAddressPort(localIps[0] ?? '', healthPort);
  const text = (): string =>
    planNodeCorefile(
      file === undefined ? defaultNodeTemplate({ healthAddress }) : readTemplate(file),
      filled,
    );
  const kubeDnsConfig = values.kubednscm ?? (isThere(KUBE_DNS_CONFIG) ? KUBE_DNS_CONFIG : undefined);
  return corefileSource(
    { text, name: file ?? 'the default Corefile', folder: file === undefined ? undefined : dirname(file) },
    { port, env: { ...env }, warn, kubeDnsConfig },
  );
}

/** Undefined: the default one. `--conf`, where node-cache writes its Corefile to, need not be there. */
function templateFile({ basecorefile, conf }: Values): string | undefined {
  if (basecorefile !== undefined) return basecorefile;
  if (isThere(BASE_COREFILE)) return BASE_COREFILE;
  return conf !== undefined && isThere(conf) ? conf : undefined;
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function readTemplate(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandError(`--basecorefile ${file} cannot be read (${code})`, { cause: error });
  }
}
