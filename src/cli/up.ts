import type { ApplyItem } from '#cluster/apply-objects.ts';
import { type ClusterConfig, ClusterError, IP_FAMILIES, MAX_NODES } from '#cluster/config.ts';
import { ControlClient, NotUpError } from '#cluster/control-client.ts';
import { type Launched, launchSupervisor } from '#cluster/launch.ts';
import { readSettings } from '#cluster/state-dir.ts';
import type { ClusterStatus } from '#cluster/status.ts';
import {
  againWords,
  type ChosenCluster,
  CLUSTER_FLAGS,
  CLUSTER_FLAGS_HELP,
  chooseCluster,
} from './cluster-flags.ts';
import { type Command, CommandError, type CommandIo, UsageError } from './command.ts';
import { type FlagValues, integerFlag, parseFlags } from './flags.ts';
import { Progress } from './progress.ts';
import { formatWelcome } from './status-text.ts';

const FLAGS = {
  ...CLUSTER_FLAGS,
  nodes: { type: 'string' },
  zones: { type: 'string' },
  'ip-family': { type: 'string', values: IP_FAMILIES },
  file: { type: 'string', short: 'f', multiple: true },
  detach: { type: 'boolean', short: 'd' },
  'no-egress': { type: 'boolean' },
  'node-local-dns': { type: 'boolean' },
  'merge-kubeconfig': { type: 'boolean' },
  'api-port': { type: 'string' },
} as const;

const HELP = `Usage: portolan up [flags]

Brings a cluster up and keeps it up until Ctrl-C, or with --detach until portolan down. A cluster that
was up before comes back with its objects, its API server's port and its administrator.

${CLUSTER_FLAGS_HELP}
  --nodes N          how many nodes, 1 to ${MAX_NODES} (default 3)
  --zones A,B,C      zones, dealt to the nodes in turn
  --ip-family F      ipv4, ipv6 or dual (default ipv4; fixed once the cluster exists)
  -f, --file FILE    manifests to apply: a file, a directory, or - for standard input; repeatable
  -d, --detach       return when the cluster is ready
  --no-egress        pods reach nothing outside of the cluster
  --node-local-dns   a DNS cache on every node, which its pods ask
  --merge-kubeconfig add the cluster to ~/.kube/config (or $KUBECONFIG) and make it the current one
  --api-port PORT    of the API server on 127.0.0.1 (default: as last time, a free one from 6443 on)

Examples:
  portolan up
  portolan up --detach --nodes 1 -f examples/
  portolan up --name blue --ip-family dual --zones north,south
`;

export const command: Command = {
  name: 'up',
  summary: 'Bring a cluster up',
  help: HELP,
  async run(argv, io) {
    const { values } = parseFlags(FLAGS, argv);
    const cluster = chooseCluster(values, io);
    const config = readConfig(values, cluster);
    try {
      await refuseIfUp(cluster);
      readSettings(cluster.paths);
      const items = await readItems(values.file, io);
      return await bringUp(config, items, values, io);
    } catch (error) {
      if (error instanceof ClusterError) throw new CommandError(error.message, { cause: error });
      throw error;
    }
  },
};

async function bringUp(
  config: ClusterConfig,
  items: readonly ApplyItem[],
  values: FlagValues<typeof FLAGS>,
  io: CommandIo,
): Promise<number> {
  const launched = await launchSupervisor(config, items);
  const stop = (): void => launched.front.send({ kind: 'down' });
  io.signal.addEventListener('abort', stop, { once: true });
  if (io.signal.aborted) stop();
  const status = await untilReady(launched, io, !values.detach);
  if (status === undefined) {
    io.stderr.write(`Cluster ${config.name} was taken down before it was ready.\n`);
    return 130;
  }
  if (values['merge-kubeconfig']) {
    const { mergeKubeconfig } = await import('#cluster/merge-kubeconfig.ts');
    mergeKubeconfig(status.kubeconfig, io.env);
  }
  if (values.detach || !io.stdout.isTTY) {
    io.stdout.write(formatWelcome(status, againWords(values), io.stdout));
  }
  if (values.detach) {
    launched.front.send({ kind: 'detach' });
    launched.release();
    return 0;
  }
  return await showUntilEnded(launched, status, io);
}

/** Shows progress until the cluster is ready; undefined when the user stopped it before. */
async function untilReady(
  { front, ended }: Launched,
  io: CommandIo,
  plain: boolean,
): Promise<ClusterStatus | undefined> {
  using progress = new Progress(io.stderr, plain);
  for (;;) {
    const { done, value } = await front.incoming.next();
    if (done) {
      await ended;
      if (io.signal.aborted) return undefined;
      throw new CommandError(
        'the supervisor ended before the cluster was ready: see portolan logs supervisor',
      );
    }
    if (value.kind === 'ready') return value.status;
    if (value.kind === 'ending') return undefined;
    if (value.kind === 'failed') throw new CommandError(value.message);
    if (value.kind === 'progress') progress.step(value.step, value.done);
  }
}

/** The board until the cluster has ended: because the user wanted it, or with an error. */
async function showUntilEnded(
  { front, ended }: Launched,
  status: ClusterStatus,
  io: CommandIo,
): Promise<number> {
  const { startBoard } = await import('./board.ts');
  using board = await startBoard(status, io.stdout);
  const { name } = status;
  io.signal.addEventListener('abort', () => {
    board[Symbol.dispose]();
    io.stdout.write(`\nTaking cluster ${name} down …\n`);
  });
  let wanted = false;
  for (;;) {
    const { done, value } = await front.incoming.next();
    if (done) break;
    if (value.kind === 'failed') throw new CommandError(value.message);
    if (value.kind === 'status') board.setStatus(value.status);
    if (value.kind === 'ending') wanted = true;
  }
  await ended;
  if (!wanted) throw new CommandError('the cluster was ended by force; portolan up brings its objects back');
  io.stdout.write(`Cluster ${name} is down; its objects are kept.\n`);
  return 0;
}

function readConfig(
  values: FlagValues<typeof FLAGS>,
  { name, paths, imagesDir }: ChosenCluster,
): ClusterConfig {
  const apiPort = values['api-port'];
  return {
    name,
    dataDir: paths.dir,
    imagesDir,
    nodeCount: integerFlag('nodes', values.nodes ?? '3', 1, MAX_NODES),
    zones: readZones(values.zones),
    ipFamily: values['ip-family'],
    apiPort: apiPort === undefined ? undefined : integerFlag('api-port', apiPort, 1, 65535),
    egress: !values['no-egress'],
    nodeLocalDns: values['node-local-dns'],
  };
}

function readZones(text: string | undefined): string[] {
  const zones = text?.split(',') ?? [];
  for (const zone of zones) {
    if (!/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(zone)) {
      throw new UsageError(`--zones ${text}: ${JSON.stringify(zone)} is no label value`);
    }
  }
  return zones;
}

async function readItems(files: readonly string[], io: CommandIo): Promise<ApplyItem[]> {
  if (files.length === 0) return [];
  const { readManifests } = await import('#cluster/manifests.ts');
  return readManifests(files, io.stdin);
}

async function refuseIfUp({ name, paths }: ChosenCluster): Promise<void> {
  try {
    const { pid } = await new ControlClient(paths).status();
    throw new ClusterError(
      `cluster ${JSON.stringify(name)} is up already (process ${pid}); portolan down ends it`,
    );
  } catch (error) {
    if (!(error instanceof NotUpError)) throw error;
  }
}
