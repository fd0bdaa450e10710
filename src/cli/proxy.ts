import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { Nftables, printTransaction } from '#kernel/nftables.ts';
import { ApiClient } from '#kube/client.ts';
import { loadConfig } from '#kube/kubeconfig.ts';
import { NODES } from '#kube/resources.ts';
import { formatAddressPort, parseAddressPort, parseIp } from '#lib/ip.ts';
import { NftablesDataPlane } from '#serviceproxy/apply-nftables.ts';
import { resolveNodePortAddresses } from '#serviceproxy/config.ts';
import { dryRun } from '#serviceproxy/dry-run.ts';
import {
  type KubeProxySettings,
  readKubeProxyConfiguration,
} from '#serviceproxy/kube-proxy-configuration.ts';
import { startServiceProxy } from '#serviceproxy/serviceproxy.ts';
import { type Command, CommandError, type CommandIo, UsageError, untilStopped } from './command.ts';
import { type FlagValues, parseFlags } from './flags.ts';

const FLAGS = {
  config: { type: 'string' },
  kubeconfig: { type: 'string' },
  'hostname-override': { type: 'string' },
  'cluster-cidr': { type: 'string' },
  'nodeport-addresses': { type: 'string', multiple: true },
  'masquerade-all': { type: 'boolean' },
  'healthz-bind-address': { type: 'string' },
  'dry-run': { type: 'boolean' },
  cleanup: { type: 'boolean' },
} as const;

const HELP = `Usage: portolan proxy [flags]

Serves the Services of a cluster on this node, in the place of kube-proxy: their addresses and node
ports lead to their endpoints, by rules in one nf_tables table. Needs root (CAP_NET_ADMIN).

  --config FILE                 a KubeProxyConfiguration; flags win over it
  --kubeconfig FILE             how to reach the API server
  --hostname-override NAME      name of this node's Node object (default: the host name)
  --cluster-cidr CIDR[,CIDR]    addresses of pods, which keep their source address
  --nodeport-addresses ADDRESS  address, CIDR or "primary" to serve node ports on; repeatable (default primary)
  --masquerade-all              replace the source address of every Service connection
  --healthz-bind-address A:P    /healthz and /livez (default 0.0.0.0:10256); off: none
  --dry-run                     print the rules in nft's syntax and change nothing
  --cleanup                     remove all rules and exit

Examples:
  portolan proxy --kubeconfig /etc/kubernetes/proxy.conf --cluster-cidr 10.244.0.0/16
  portolan proxy --kubeconfig ~/.kube/config --hostname-override node-1 --dry-run
`;

type Values = FlagValues<typeof FLAGS>;

export const command: Command = {
  name: 'proxy',
  summary: "Serve Services on this node, in kube-proxy's place",
  help: HELP,
  async run(argv, io) {
    const { values } = parseFlags(FLAGS, argv);
    if (values.cleanup) return cleanup();
    const file = values.config === undefined ? undefined : await readConfig(values.config);
    const path = values.kubeconfig ?? file?.kubeconfig;
    const log = (message: string): void => void io.stderr.write(`${message}\n`);
    using client = new ApiClient(await loadConfig({ path, env: { ...io.env } }).catch(explain));
    const nodeName = values['hostname-override'] ?? file?.hostname ?? hostname().toLowerCase();
    const health = healthAddress(
      values['healthz-bind-address'] ?? file?.healthzBindAddress ?? '0.0.0.0:10256',
    );
    const config = {
      ...(await settings(values, file, client, nodeName, io)),
      client,
      nodeName,
      health,
      log,
      signal: io.signal,
    };
    if (values['dry-run']) {
      io.stdout.write(`${printTransaction(await dryRun(config).catch(explain))}\n`);
      return 0;
    }
    await using proxy = await startServiceProxy(config).catch(explain);
    log(`serving Services on ${nodeName}${proxy.health().nodeEligible ? '' : ' (there is no such Node)'}`);
    await untilStopped(io);
    return 0;
  },
};

async function settings(
  values: Values,
  file: KubeProxySettings | undefined,
  client: ApiClient,
  nodeName: string,
  { signal }: CommandIo,
) {
  const own = Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).filter((one) => !one.internal),
  );
  const nodeAddresses = await addressesOf(client, nodeName, signal);
  const primary = nodeAddresses.length > 0 ? nodeAddresses : own.map(({ address }) => address).slice(0, 1);
  const wanted =
    values['nodeport-addresses'].length > 0 ? values['nodeport-addresses'] : file?.nodePortAddresses;
  const local = [...new Set([...primary, ...own.map(({ address }) => address)])];
  const chosen = (wanted ?? ['primary']).flatMap((text) =>
    text === 'primary' ? primary : text === 'all' ? local : nodePortAddresses(local, text),
  );
  return {
    nodeAddresses: primary,
    nodePortAddresses: [...new Set(chosen)],
    clusterCidrs: values['cluster-cidr']?.split(',') ?? file?.clusterCidrs ?? [],
    masqueradeAll: values['masquerade-all'] || (file?.masqueradeAll ?? false),
  };
}

function nodePortAddresses(local: readonly string[], text: string): readonly string[] {
  if (text === 'localhost') throw new CommandError('node port addresses "localhost": not implemented yet');
  try {
    return resolveNodePortAddresses(local, [text]);
  } catch (error) {
    throw new UsageError(`node port addresses ${(error as Error).message}`, { cause: error });
  }
}

/** The node's InternalIPs; none when there is no such Node yet. */
async function addressesOf(client: ApiClient, nodeName: string, signal: AbortSignal): Promise<string[]> {
  const node = await client.get(NODES, { name: nodeName }, { signal }).catch(() => undefined);
  const addresses = (node?.status?.addresses ?? []).filter(({ type }) => type === 'InternalIP');
  return addresses.flatMap(({ address }) => parseIp(address) ?? []);
}

async function readConfig(path: string): Promise<KubeProxySettings> {
  try {
    return await readKubeProxyConfiguration(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new CommandError(`--config ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function healthAddress(text: string): { address: string; port: number } | undefined {
  if (text === 'off') return undefined;
  const parsed = parseAddressPort(text);
  if (parsed !== undefined) return parsed;
  throw new UsageError(
    `--healthz-bind-address ${text}: such as ${formatAddressPort('0.0.0.0', 10_256)}, or off, is expected`,
  );
}

function cleanup(): number {
  using dataPlane = new NftablesDataPlane(Nftables.open());
  dataPlane.cleanup();
  return 0;
}

function explain(error: Error): never {
  throw new CommandError(error.message, { cause: error });
}
