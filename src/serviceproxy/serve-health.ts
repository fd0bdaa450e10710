import { createServer, type Server, type ServerResponse } from 'node:http';
import { formatAddressPort } from '#lib/ip.ts';
import type { HealthCheckPlan, ServicePlan } from './forwarding-model.ts';

/** What the proxy knows of itself. */
export interface ProxyHealth {
  /** When rules were last as they should be, in ms since 1970. */
  readonly lastUpdatedMs: number;
  /** Since when a change waits for its sync, in ms since 1970; undefined: none does. */
  readonly pendingSinceMs: number | undefined;
  /** The node is there and not about to be removed. */
  readonly nodeEligible: boolean;
}

/** A change that waits longer than this means that the proxy does not work. */
const STALE_MS = 60_000;

export function isHealthy({ lastUpdatedMs, pendingSinceMs }: ProxyHealth, nowMs: number): boolean {
  return lastUpdatedMs > 0 && (pendingSinceMs === undefined || nowMs - pendingSinceMs < STALE_MS);
}

/** `/healthz` (for load balancers: may this node get traffic) and `/livez` (for the kubelet). */
export async function serveProxyHealth(
  listen: { address: string; port: number },
  health: () => ProxyHealth,
): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    const state = health();
    const nowMs = Date.now();
    const healthy = isHealthy(state, nowMs);
    const lastUpdated = new Date(healthy ? nowMs : state.lastUpdatedMs).toISOString();
    const times = { lastUpdated, currentTime: new Date(nowMs).toISOString() };
    // One proxy serves both families here; kube-proxy's readers know one entry for each.
    const status = { IPv4: { lastUpdated, healthy }, IPv6: { lastUpdated, healthy } };
    if (request.url === '/healthz') {
      const { nodeEligible } = state;
      sendJson(response, healthy && nodeEligible ? 200 : 503, { ...times, nodeEligible, healthy, status });
    } else if (request.url === '/livez') {
      sendJson(response, healthy ? 200 : 503, { ...times, healthy, status });
    } else {
      response.writeHead(404).end();
    }
  });
  await listening(server, listen);
  return disposable(server);
}

/** `/proxyMode`: what the data plane is, under the name that kube-proxy has for it. */
export async function serveProxyStatus(listen: { address: string; port: number }): Promise<AsyncDisposable> {
  const server = createServer(({ url }, response) => {
    if (url === '/proxyMode') response.writeHead(200, { 'content-type': 'text/plain' }).end('nftables');
    else response.writeHead(404).end();
  });
  await listening(server, listen);
  return disposable(server);
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' });
  response.end(JSON.stringify(body));
}

/** The servers behind `healthCheckNodePort`: each says whether its Service has endpoints on this node. */
export class ServiceHealthServers implements AsyncDisposable {
  readonly #servers = new Map<string, { plan: ServicePlan; check: HealthCheckPlan; servers: Server[] }>();
  readonly #addresses: readonly string[];
  readonly #isHealthy: () => boolean;
  readonly #onError: (message: string) => void;

  /** `addresses`: those that node ports are served on. */
  constructor(addresses: readonly string[], isHealthy: () => boolean, onError: (message: string) => void) {
    this.#addresses = addresses;
    this.#isHealthy = isHealthy;
    this.#onError = onError;
  }

  set(key: string, plan: ServicePlan | undefined): void {
    const known = this.#servers.get(key);
    const check = plan?.healthCheck;
    if (known !== undefined && known.check.port !== check?.port) {
      this.#servers.delete(key);
      for (const server of known.servers) {
        server.close();
        server.closeAllConnections();
      }
    }
    if (plan === undefined || check === undefined) return;
    const open = (address: string): Server => this.#open(key, { address, port: check.port });
    this.#servers.set(key, {
      plan,
      check,
      servers: this.#servers.get(key)?.servers ?? this.#addresses.map(open),
    });
  }

  #open(key: string, listen: { address: string; port: number }): Server {
    const server = createServer((_request, response) => {
      const found = this.#servers.get(key);
      if (found === undefined) response.writeHead(404).end();
      else this.#answer(response, found.plan, found.check.localReadyEndpoints);
    });
    listening(server, listen).catch((error: Error) => {
      this.#onError(
        `health check of ${key} on ${formatAddressPort(listen.address, listen.port)}: ${error.message}`,
      );
    });
    return server;
  }

  /** Byte for byte what kube-proxy says: load balancers may compare. */
  #answer(response: ServerResponse, { namespace, name }: ServicePlan, localEndpoints: number): void {
    const healthy = this.#isHealthy();
    response.writeHead(localEndpoints > 0 && healthy ? 200 : 503, {
      'content-type': 'application/json',
      'x-content-type-options': 'nosniff',
      'x-load-balancing-endpoint-weight': String(localEndpoints),
    });
    const service = `"service": {\n\t\t"namespace": "${namespace}",\n\t\t"name": "${name}"\n\t}`;
    response.end(
      `{\n\t${service},\n\t"localEndpoints": ${localEndpoints},\n\t"serviceProxyHealthy": ${healthy}\n}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const servers = [...this.#servers.values()].flatMap((entry) => entry.servers);
    await Promise.all(servers.map((server) => disposable(server)[Symbol.asyncDispose]()));
  }
}

/** On `::` both families are served; a machine without IPv6 has 0.0.0.0. */
async function listening(
  server: Server,
  { address, port }: { address: string; port: number },
): Promise<void> {
  const listen = (host: string): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  try {
    await listen(address);
  } catch (error) {
    if (address !== '::' || (error as NodeJS.ErrnoException).code !== 'EAFNOSUPPORT') throw error;
    await listen('0.0.0.0');
  }
}

function disposable(server: Server): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
