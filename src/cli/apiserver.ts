import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startApiServer } from '#apiserver/apiserver.ts';
import type { AdmissionPlugin } from '#apiserver/config.ts';
import { formatKubeconfig } from '#cluster/kubeconfig.ts';
import { type ClusterPki, openClusterPki } from '#cluster/pki.ts';
import { Cidr } from '#lib/ip.ts';
import { type Command, CommandError, type CommandIo, UsageError, untilStopped } from './command.ts';
import { type FlagValues, integerFlag, parseFlags } from './flags.ts';

const FLAGS = {
  'data-dir': { type: 'string' },
  memory: { type: 'boolean' },
  host: { type: 'string' },
  port: { type: 'string' },
  'service-cluster-ip-range': { type: 'string' },
  'service-node-port-range': { type: 'string' },
  'disable-admission-plugins': { type: 'string', multiple: true },
  'authorization-mode': { type: 'string', values: ['RBAC', 'AlwaysAllow'] },
  'token-auth-file': { type: 'string' },
  'advertise-address': { type: 'string' },
  'write-kubeconfig': { type: 'string' },
} as const;

const HELP = `Usage: portolan apiserver (--data-dir DIR | --memory) [flags]

Serves the Kubernetes API alone: no controllers, no nodes. Certificates are made in DIR/pki.
Runs until it is interrupted; prints its address when it answers.

  --data-dir DIR                     where state.db and pki/ live
  --memory                           keep nothing
  --host ADDRESS                     where to listen (default 127.0.0.1)
  --port N                           0: any free port (default 6443)
  --service-cluster-ip-range CIDR[,CIDR]  (default 10.96.0.0/16)
  --service-node-port-range A-B      (default 30000-32767)
  --disable-admission-plugins NAME   ServiceAccount, Priority, DefaultTolerationSeconds; repeatable
  --authorization-mode MODE          RBAC, AlwaysAllow (default RBAC)
  --token-auth-file FILE             lines of token,user,uid[,"group,group"]
  --advertise-address ADDRESS        write the endpoints of the Service default/kubernetes
  --write-kubeconfig FILE            how the administrator gets in

Examples:
  portolan apiserver --memory --port 0 --write-kubeconfig /tmp/kubeconfig
  portolan apiserver --data-dir ~/api --service-cluster-ip-range 10.96.0.0/16,fd00:96::/112
`;

const ADMISSION_PLUGINS: readonly AdmissionPlugin[] = [
  'ServiceAccount',
  'Priority',
  'DefaultTolerationSeconds',
  'TaintNodesByCondition',
  'DefaultIngressClass',
];

type Values = FlagValues<typeof FLAGS>;

export const command: Command = {
  name: 'apiserver',
  summary: 'Serve the Kubernetes API alone',
  help: HELP,
  async run(argv, io) {
    const { values } = parseFlags(FLAGS, argv);
    if ((values['data-dir'] === undefined) === !values.memory)
      throw new UsageError('one of --data-dir and --memory is needed');
    const scratch = values.memory ? mkdtempSync(join(tmpdir(), 'portolan-apiserver-')) : undefined;
    try {
      await serve(values, scratch ?? resolve(values['data-dir'] ?? ''), io);
      return 0;
    } finally {
      if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
    }
  },
};

async function serve(values: Values, directory: string, io: CommandIo): Promise<void> {
  const host = values.host ?? '127.0.0.1';
  const port = integerFlag('port', values.port ?? '6443', 0, 65_535);
  const serviceRanges = ranges(values['service-cluster-ip-range'] ?? '10.96.0.0/16');
  const nodePortRange = portRange(values['service-node-port-range'] ?? '30000-32767');
  const disableAdmission = admissionPlugins(values['disable-admission-plugins']);
  const tokens = values['token-auth-file'];
  const staticTokens = tokens === undefined ? undefined : readTokens(tokens);
  const pki = await openClusterPki({
    directory: join(directory, 'pki'),
    apiServerAddresses: [host, ...serviceRanges.map((range) => Cidr.of(range).nthAddress(1))],
    nodes: [],
  });
  const advertised = values['advertise-address'];
  await using server = await startApiServer({
    storage: values.memory ? 'memory' : join(directory, 'state.db'),
    listeners: [{ host, port }],
    tls: { cert: pki.apiServer.certificate, key: pki.apiServer.key },
    clientCa: pki.caCertificate,
    serviceAccount: { key: pki.serviceAccountKey },
    nodeClient: {
      cert: pki.apiServerKubeletClient.certificate,
      key: pki.apiServerKubeletClient.key,
      ca: pki.caCertificate,
    },
    serviceRanges,
    nodePortRange,
    disableAdmission,
    staticTokens,
    authorizationMode: values['authorization-mode'],
    advertise: advertised === undefined ? undefined : { addresses: advertised.split(','), port },
  });
  const address = server.addresses[0];
  const url = `https://${host.includes(':') ? `[${host}]` : host}:${address?.port ?? port}`;
  if (values['write-kubeconfig'] !== undefined) writeKubeconfig(values['write-kubeconfig'], url, pki);
  io.stdout.write(`serving ${url}\n`);
  await untilStopped(io);
}

function writeKubeconfig(file: string, server: string, pki: ClusterPki): void {
  const text = formatKubeconfig({
    name: 'portolan',
    server,
    ca: pki.caCertificate,
    cert: pki.admin.certificate,
    key: pki.admin.key,
  });
  try {
    writeFileSync(file, text, { mode: 0o600 });
  } catch (error) {
    throw new CommandError(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function ranges(text: string): string[] {
  const parsed = text.split(',').map((part) => Cidr.parse(part));
  const families = new Set(parsed.map((range) => range?.family));
  if (parsed.length > 2 || parsed.includes(undefined) || families.size !== parsed.length) {
    throw new UsageError(
      `--service-cluster-ip-range ${text}: one CIDR, or two of different families, is expected`,
    );
  }
  return text.split(',');
}

function portRange(text: string): { from: number; to: number } {
  const [, from = '', to = ''] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  if (from === '' || Number(from) > Number(to) || Number(to) > 65_535) {
    throw new UsageError(`--service-node-port-range ${text}: FIRST-LAST is expected`);
  }
  return { from: Number(from), to: Number(to) };
}

function admissionPlugins(words: readonly string[]): AdmissionPlugin[] {
  return words
    .flatMap((word) => word.split(','))
    .map((word) => {
      const known = ADMISSION_PLUGINS.find((name) => name === word);
      if (known === undefined)
        throw new UsageError(
          `--disable-admission-plugins ${word}: one of ${ADMISSION_PLUGINS.join(', ')} is expected`,
        );
      return known;
    });
}

/** Upstream's format: token,user,uid,"group1,group2". */
function readTokens(file: string): Map<string, { username: string; uid: string; groups: string[] }> {
  const tokens = new Map<string, { username: string; uid: string; groups: string[] }>();
  for (const [i, line] of readText(file).split('\n').entries()) {
    if (line.trim() === '') continue;
    const [, token = '', username = '', uid = '', quoted, plain] =
      /^([^,]+),([^,]+),([^,]*)(?:,(?:"([^"]*)"|([^,"]*)))?$/.exec(line.trim()) ?? [];
    if (token === '') throw new CommandError(`${file}:${i + 1}: token,user,uid[,"groups"] is expected`);
    tokens.set(token, {
      username,
      uid,
      groups: (quoted ?? plain ?? '').split(',').filter((group) => group !== ''),
    });
  }
  return tokens;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
