import { connect, type Server } from 'node:net';
import { ApiClient } from '#kube/client.ts';
import { startInformer } from '#kube/informer.ts';
import { SERVICES } from '#kube/resources.ts';
import { acceptOn } from '#os/socket.ts';
import type { Caller } from './calls.ts';
import { ClusterDialer } from './cluster-dialer.ts';
import { HostProxy } from './host-proxy.ts';
import type { HostCalls, PublishStart } from './messages.ts';
import type { NodePlan } from './plan-addresses.ts';
import { planPublished, publishKey, unprivilegedPort, type WantedPort } from './plan-publish.ts';
import { splice } from './splice.ts';
import type { PublishedPort } from './status.ts';
import { UdpRelay } from './udp-relay.ts';

/** The cluster's addresses on the host: node ports, and the proxy. */
export interface Publisher extends Disposable {
  setNodeNamespaces(nodes: readonly { name: string; netns: number }[]): void;
}

/**
 * Follows Services and keeps their node ports open on the nodes' loopback addresses of the host. Runs in the outside
 * host's namespace: what is connected from here reaches the nodes as any client outside of the cluster does.
 */
export function startPublisher(input: PublishStart, host: Caller<HostCalls>): Publisher {
  const stop = new AbortController();
  const dialer = new ClusterDialer(input.clusterDns);
  const proxy = new HostProxy(input.proxyFd, dialer);
  const published = new PublishedPorts(input.nodes, host);
  const client = new ApiClient(input.client);
  const informer = startInformer(client, SERVICES, { signal: stop.signal });
  const sync = (): void => published.set(planPublished(informer.store.list()));
  informer.onChange({ onAdd: sync, onUpdate: sync, onDelete: sync });
  return {
    setNodeNamespaces: (nodes) => dialer.setNodeNamespaces(nodes),
    [Symbol.dispose]() {
      stop.abort();
      client[Symbol.dispose]();
      proxy[Symbol.dispose]();
    },
  };
}

interface OpenPort {
  readonly status: PublishedPort;
  readonly sockets: readonly Disposable[];
}

/** The open sockets; `set()` opens and closes what differs, one change after the other. */
class PublishedPorts {
  readonly #nodes: readonly NodePlan[];
  readonly #host: Caller<HostCalls>;
  readonly #open = new Map<string, OpenPort>();
  #wanted: readonly WantedPort[] = [];
  #syncing = false;
  #again = false;

  constructor(nodes: readonly NodePlan[], host: Caller<HostCalls>) {
    this.#nodes = nodes;
    this.#host = host;
  }

  set(wanted: readonly WantedPort[]): void {
    this.#wanted = wanted;
    this.#again = true;
    if (!this.#syncing) void this.#sync();
  }

  async #sync(): Promise<void> {
    this.#syncing = true;
    while (this.#again) {
      this.#again = false;
      const wanted = new Map(this.#wanted.map((port) => [publishKey(port), port]));
      for (const [key, { sockets }] of this.#open) {
        if (wanted.has(key)) continue;
        for (const socket of sockets) socket[Symbol.dispose]();
        this.#open.delete(key);
      }
      for (const [key, port] of wanted) {
        const open = this.#open.get(key);
        if (open === undefined) this.#open.set(key, await this.#publish(port));
        else this.#open.set(key, { ...open, status: { ...open.status, ...port } });
      }
      const ports = [...this.#open.values()].map(({ status }) => status);
      await this.#host.call('published', { ports }).catch(() => undefined);
    }
    this.#syncing = false;
  }

  /** Opens a port on every node's address; moves it up where this user may not open it. */
  async #publish(port: WantedPort): Promise<OpenPort> {
    let hostPort = port.nodePort;
    const sockets: Disposable[] = [];
    let problem: string | undefined;
    for (const node of this.#nodes) {
      const { protocol } = port;
      let answer = await this.#openSocket(protocol, node.hostAddress, hostPort);
      if ('code' in answer && answer.code === 'EACCES' && hostPort === port.nodePort) {
        hostPort = unprivilegedPort(port.nodePort);
        answer = await this.#openSocket(protocol, node.hostAddress, hostPort);
      }
      if ('code' in answer) problem = `${node.hostAddress}:${hostPort}: ${answer.code}`;
      else sockets.push(serve(protocol, answer.fd, node.addresses[0] ?? '', port.nodePort));
    }
    return { status: { ...port, hostPort, problem }, sockets };
  }

  #openSocket(protocol: 'TCP' | 'UDP', address: string, port: number) {
    return this.#host.call('openHostSocket', { protocol, address, port });
  }
}

function serve(protocol: 'TCP' | 'UDP', fd: number, address: string, port: number): Disposable {
  if (protocol === 'UDP') return new UdpRelay(fd, { address, port });
  const server: Server = acceptOn(
    fd,
    (client) => splice(client, connect({ host: address, port, allowHalfOpen: true })),
    { allowHalfOpen: true },
  );
  return { [Symbol.dispose]: () => server.close() };
}
