import { Conntrack } from '#kernel/conntrack.ts';
import { Nftables } from '#kernel/nftables.ts';
import { SERVICE_CIDRS } from '#kube/resources.ts';
import { applyConntrackTimeouts } from './apply-conntrack-timeouts.ts';
import { NftablesDataPlane } from './apply-nftables.ts';
import { ChangeTracker } from './change-tracker.ts';
import { resolveNodePortAddresses, type ServiceProxyConfig } from './config.ts';
import type { NodeSettings } from './forwarding-model.ts';
import {
  isHealthy,
  type ProxyHealth,
  ServiceHealthServers,
  serveProxyHealth,
  serveProxyStatus,
} from './serve-health.ts';
import { SyncLoop } from './sync-loop.ts';
import { watchServices } from './watch-services.ts';

export interface ServiceProxy extends AsyncDisposable {
  health(): ProxyHealth;
}

const AUDIT_MS = 30_000;

/** Serves the node's Services. Resolves when all that there were at the start are in the kernel. */
export async function startServiceProxy(config: ServiceProxyConfig): Promise<ServiceProxy> {
  const { client, nodeName, log = () => {} } = config;
  await using stack = new AsyncDisposableStack();
  const stopping = new AbortController();
  stack.defer(() => stopping.abort(new Error('the service proxy stopped')));
  const signal = AbortSignal.any([config.signal, stopping.signal]);
  const dataPlane = stack.use(new NftablesDataPlane(Nftables.open({ netns: config.netns })));
  const conntrack = stack.use(Conntrack.open({ netns: config.netns }));

  applyConntrackTimeouts(config.netns, log);
  const settings = await settingsOf(config);
  // Changes gather until the turn of the event loop is over, then one transaction carries them all.
  const tracker = new ChangeTracker(() => setImmediate(() => loop.sync()));
  const watch = watchServices(client, nodeName, {
    signal,
    onError: (error) => log(error.message),
    onService: (key) => tracker.add(key),
    onTopology: () => loop.all(),
  });
  const healthServers = stack.use(
    new ServiceHealthServers(settings.nodePortAddresses, () => isHealthy(loop.health(), Date.now()), log),
  );
  const loop = new SyncLoop({
    watch,
    tracker,
    dataPlane,
    conntrack,
    healthServers,
    log,
    settings,
    signal,
  });
  if (config.health !== undefined) stack.use(await serveProxyHealth(config.health, () => loop.health()));

  if (config.status !== undefined) stack.use(await serveProxyStatus(config.status));

  await watch.synced;
  loop.first();
  const audit = setInterval(() => loop.audit(), AUDIT_MS).unref();
  stack.defer(() => clearInterval(audit));

  const owned = stack.move();
  const stop = (): Promise<void> => owned.disposeAsync();
  config.signal.addEventListener('abort', () => void stop(), { once: true });
  return { health: () => loop.health(), [Symbol.asyncDispose]: stop };
}

/** What the configuration means for the rules. */
export async function settingsOf(config: ServiceProxyConfig): Promise<NodeSettings> {
  return {
    nodePortAddresses: resolveNodePortAddresses(config.nodeAddresses, config.nodePortAddresses),
    clusterCidrs: config.clusterCidrs,
    serviceCidrs: config.serviceCidrs ?? (await listServiceCidrs(config)),
    masqueradeAll: config.masqueradeAll ?? false,
  };
}

/** Servers older than 1.33 have no ServiceCIDRs; then no address is known to be unused. */
async function listServiceCidrs({ client, log, signal }: ServiceProxyConfig): Promise<string[]> {
  try {
    const { items } = await client.list(SERVICE_CIDRS, { signal });
    return items.flatMap(({ spec }) => spec?.cidrs ?? []);
  } catch (error) {
    log?.(`Service CIDRs are not known: ${(error as Error).message}`);
    return [];
  }
}
