import { connect, type Server } from 'node:net';
import { acceptOn } from '#os/socket.ts';
import type { HostSocketRequest } from './messages.ts';
import type { NodePlan } from './plan-addresses.ts';
import { publishKey, unprivilegedPort, type WantedPort } from './plan-publish.ts';
import { splice } from './splice.ts';
import type { PublishedPort } from './status.ts';
import { UdpRelay } from './udp-relay.ts';

/** A descriptor, or the code of the error. */
export type OpenedSocket = { readonly fd: number } | { readonly code: string };

export interface PublishedPortsOptions {
  readonly nodes: readonly Pick<NodePlan, 'hostAddress' | 'addresses'>[];
  /** Opens a socket on the host. */
  readonly openSocket: (request: HostSocketRequest) => Promise<OpenedSocket>;
  /** Told what is published, after each change. */
  readonly onChange: (ports: readonly PublishedPort[]) => Promise<void>;
}

interface OpenPort {
  readonly status: PublishedPort;
  readonly sockets: readonly Disposable[];
}

/** The open sockets; `set()` opens and closes what differs, one change after the other. */
export class PublishedPorts {
  readonly #options: PublishedPortsOptions;
  readonly #open = new Map<string, OpenPort>();
  #wanted: readonly WantedPort[] = [];
  #syncing = false;
  #again = false;

  constructor(options: PublishedPortsOptions) {
    this.#options = options;
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
      await this.#options.onChange(ports);
    }
    this.#syncing = false;
  }

  /** Opens a port on every node's address; moves it up where this user may not open it. */
  async #publish(port: WantedPort): Promise<OpenPort> {
    const { nodes, openSocket } = this.#options;
    let hostPort = port.nodePort;
    const sockets: Disposable[] = [];
    let problem: string | undefined;
    for (const node of nodes) {
      const { protocol } = port;
      let answer = await openSocket({ protocol, address: node.hostAddress, port: hostPort });
      if ('code' in answer && answer.code === 'EACCES' && hostPort === port.nodePort) {
        hostPort = unprivilegedPort(port.nodePort);
        answer = await openSocket({ protocol, address: node.hostAddress, port: hostPort });
      }
      if ('code' in answer) problem = `${node.hostAddress}:${hostPort}: ${answer.code}`;
      else sockets.push(serve(protocol, answer.fd, node.addresses[0] ?? '', port.nodePort));
    }
    return { status: { ...port, hostPort, problem }, sockets };
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
