import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { type CorefileSource, corefileSource } from '#dns/corefile-source.ts';
import { type DefaultCorefileOptions, defaultCorefile } from '#dns/default-corefile.ts';
import { parseAddressPort } from '#lib/ip.ts';
import { type Command, CommandError, type CommandIo, UsageError } from './command.ts';
import { type FlagValues, integerFlag, parseFlags } from './flags.ts';
import { flagWords } from './go-flags.ts';
import { serveDns } from './serve-dns.ts';

const FLAGS = {
  conf: { type: 'string' },
  port: { type: 'string', short: 'p' },
  'dns.port': { type: 'string' },
  pidfile: { type: 'string' },
  quiet: { type: 'boolean' },
  kubeconfig: { type: 'string' },
  'kube-dns-config': { type: 'string' },
  listen: { type: 'string', multiple: true },
  zone: { type: 'string', multiple: true },
  ttl: { type: 'string' },
  fallthrough: { type: 'string', multiple: true },
  pods: { type: 'string', values: ['disabled', 'insecure', 'verified'] },
  forward: { type: 'string', multiple: true },
  cache: { type: 'string' },
  health: { type: 'string' },
  ready: { type: 'string' },
  metrics: { type: 'string' },
  lameduck: { type: 'string' },
} as const;

/** Flags that a Corefile takes the place of. */
const COREFILE_FLAGS = [
  'listen',
  'zone',
  'ttl',
  'fallthrough',
  'pods',
  'forward',
  'cache',
  'health',
  'ready',
  'metrics',
  'lameduck',
] as const;

const HELP = `Usage: portolan dns [flags]
       portolan dns check COREFILE [flags]

Serves DNS as a Corefile says, as CoreDNS does; docs/dns.md lists the plugins. Without a Corefile it serves
the names of a cluster, with kubeadm's settings and the differences that flags make. SIGTERM: turns unready,
goes on serving for the lameduck time, exits. SIGUSR1: reads the Corefile again.

check: reads a Corefile and everything it imports, and tells what each block will do, or what is wrong in
which line. With --print it shows the Corefile first, with what --kube-dns-config adds.

  --conf FILE             the Corefile. CoreDNS's own flags are understood as they are: -conf, -dns.port, -p,
                          -pidfile, -quiet (which changes nothing)
  --port PORT             of zones in it that name none (default 53)
  --kubeconfig FILE       how to reach the API server, where the Corefile does not say; else the pod's account
  --kube-dns-config PATH  a kube-dns ConfigMap with stubDomains and upstreamNameservers: the folder that it is
                          mounted at, or its manifest; read again by reload

Without --conf:
  --listen ADDRESS:PORT   where to answer, UDP and TCP; repeatable, with one port (default port 53 everywhere)
  --zone NAME             zones to answer for, the cluster's first (default cluster.local in-addr.arpa ip6.arpa)
  --fallthrough ZONE      zones whose unknown names are forwarded; none: no zone (default those below arpa)
  --ttl SECONDS           of the records, 0 to 3600 (default 30)
  --pods MODE             pod names: disabled, insecure, verified (default insecure)
  --forward SERVER        ADDRESS, ADDRESS:PORT or a resolv.conf file; repeatable (default /etc/resolv.conf)
  --cache SECONDS         how long to keep other servers' answers at most; 0: not (default 30)
  --health ADDRESS:PORT   /health (default [::]:8080); off: none
  --ready ADDRESS:PORT    /ready (default [::]:8181); off: none
  --metrics ADDRESS:PORT  /metrics (default [::]:9153); off: none
  --lameduck SECONDS      (default 5)

Examples:
  portolan dns --conf /etc/coredns/Corefile
  portolan dns check Corefile
  portolan dns --kubeconfig ~/.kube/config --listen 127.0.0.1:5353 --health off --ready off --metrics off
`;

export const command: Command = {
  name: 'dns',
  summary: 'Serve cluster DNS',
  help: HELP,
  async run(argv, io) {
    if (argv[0] === 'check') {
      const { checkCorefile } = await import('./dns-check.ts');
      return await checkCorefile(argv.slice(1), io);
    }
    const { values } = parseFlags(FLAGS, flagWords(argv));
    if (values.pidfile !== undefined) writePid(values.pidfile);
    const log = (message: string): void => void io.stderr.write(`${message}\n`);
    const source = sourceOf(values, io, log);
    await serveDns({ source, kubeconfig: values.kubeconfig, log }, io);
    return 0;
  },
};

/** For those who send signals by it. */
function writePid(file: string): void {
  try {
    writeFileSync(file, `${process.pid}\n`);
  } catch (cause) {
    throw new CommandError(`--pidfile ${file} cannot be written (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    });
  }
}

function sourceOf(
  values: FlagValues<typeof FLAGS>,
  { env }: CommandIo,
  warn: (message: string) => void,
): CorefileSource {
  const portText = values.port ?? values['dns.port'];
  const port = portText === undefined ? undefined : integerFlag('port', portText, 0, 65_535);
  const options = { port, env: { ...env }, warn, kubeDnsConfig: values['kube-dns-config'] };
  if (values.conf === undefined) {
    return corefileSource({ text: defaultCorefile(corefileOptions(values)), name: 'the flags' }, options);
  }
  for (const name of COREFILE_FLAGS) {
    const value = values[name];
    if (value !== undefined && (typeof value === 'string' || value.length > 0))
      throw new UsageError(`--${name} and --conf exclude each other: the Corefile says it`);
  }
  return corefileSource({ file: values.conf }, options);
}

/** The Corefile that the flags describe; throws `UsageError`. */
export function corefileOptions(values: FlagValues<typeof FLAGS>): DefaultCorefileOptions {
  const zones = values.zone.length > 0 ? values.zone : ['cluster.local', 'in-addr.arpa', 'ip6.arpa'];
  const number = (name: 'ttl' | 'cache' | 'lameduck', max: number, otherwise: number): number => {
    const text = values[name];
    return text === undefined ? otherwise : integerFlag(name, text, 0, max);
  };
  const listen = values.listen.map((text) => addressFlag('listen', text));
  if (new Set(listen.map(({ port }) => port)).size > 1)
    throw new UsageError('--listen: all addresses have one port; a Corefile can have several (--conf)');
  const asked = values.fallthrough.length > 0 ? values.fallthrough : zones.filter(isReverse);
  return {
    listen,
    zones,
    fallthrough: asked.filter((zone) => zone !== 'none'),
    ttl: number('ttl', 3600, 30),
    pods: values.pods ?? 'insecure',
    forward: values.forward.length > 0 ? values.forward : ['/etc/resolv.conf'],
    cacheSeconds: number('cache', 3600, 30),
    health: pageFlag('health', values.health, 8080),
    ready: pageFlag('ready', values.ready, 8181),
    metrics: pageFlag('metrics', values.metrics, 9153),
    lameduckSeconds: number('lameduck', 600, 5),
  };
}

function isReverse(zone: string): boolean {
  return zone.toLowerCase().endsWith('.arpa');
}

function addressFlag(name: string, text: string): { address: string; port: number } {
  const parsed = parseAddressPort(text);
  if (parsed !== undefined) return parsed;
  throw new UsageError(
    `--${name} ${text}: an address and a port such as 127.0.0.1:5353 or [::1]:5353 is expected`,
  );
}

function pageFlag(name: string, text: string | undefined, port: number) {
  if (text === 'off') return undefined;
  return text === undefined ? { address: '::', port } : addressFlag(name, text);
}
