import { createSocket, type Socket } from 'node:dgram';
import { formatAddressPort } from '#lib/ip.ts';
import { closeFd } from '#os/fd-ledger.ts';
import { adoptUdp } from './adopt-udp.ts';
import { type DivertedDatagram, DivertedUdp } from './diverted-udp.ts';

/** Makes a UDP socket in the fabric that is bound to an address outside; resolves to its descriptor. */
export type BindForeignUdp = (address: {
  readonly address: string;
  readonly port: number;
}) => Promise<number>;

/** A flow without datagrams for so long is forgotten, as conntrack does with an answered stream. */
const IDLE_MS = 120_000;
const MAX_FLOWS = 4096;
/** Datagrams that may wait while a flow's sockets are being made. */
const MAX_WAITING = 16;

interface Flow {
  /** In the host's namespace, connected to where the pod wants to go. */
  readonly outer: Socket;
  /** In the fabric, bound to that address and connected to the pod; undefined until it is made. */
  inner: Socket | undefined;
  readonly waiting: Buffer[];
  usedAt: number;
}

/**
 * Carries pods' UDP datagrams to addresses outside, and the answers back. The first datagram of a flow comes through
 * the diverting socket; the following ones go to the flow's own socket, which the kernel finds before the diverting one.
 */
export class EgressUdp implements Disposable {
  readonly #family: 4 | 6;
  readonly #bindForeignUdp: BindForeignUdp;
  readonly #diverted: DivertedUdp;
  readonly #flows = new Map<string, Flow>();
  readonly #sweep: NodeJS.Timeout;

  constructor(fd: number, family: 4 | 6, bindForeignUdp: BindForeignUdp) {
    this.#family = family;
    this.#bindForeignUdp = bindForeignUdp;
    this.#diverted = new DivertedUdp(fd, family, (datagram) => this.#take(datagram));
    this.#sweep = setInterval(() => this.#forgetIdle(), IDLE_MS / 4);
    this.#sweep.unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#sweep);
    this.#diverted[Symbol.dispose]();
    for (const key of this.#flows.keys()) this.#forget(key);
  }

  #take({ source, destination, data }: DivertedDatagram): void {
    const key = `${formatAddressPort(source.address, source.port)} ${formatAddressPort(destination.address, destination.port)}`;
    const flow = this.#flows.get(key) ?? this.#open(key, source, destination);
    flow.usedAt = performance.now();
    if (flow.inner === undefined) {
      if (flow.waiting.length < MAX_WAITING) flow.waiting.push(data);
    } else flow.outer.send(data);
  }

  #open(key: string, source: DivertedDatagram['source'], destination: DivertedDatagram['source']): Flow {
    if (this.#flows.size >= MAX_FLOWS) this.#forgetOldest();
    const type = this.#family === 4 ? 'udp4' : 'udp6';
    const outer = createSocket(type);
    const flow: Flow = { outer, inner: undefined, waiting: [], usedAt: performance.now() };
    this.#flows.set(key, flow);
    outer.on('error', () => this.#forget(key));
    outer.connect(destination.port, destination.address, () => {
      void this.#bindForeignUdp(destination).then(
        (fd) => this.#join(key, flow, fd, source),
        () => this.#forget(key),
      );
    });
    return flow;
  }

  #join(key: string, flow: Flow, fd: number, source: DivertedDatagram['source']): void {
    if (this.#flows.get(key) !== flow) {
      closeFd(fd);
      return;
    }
    const inner = adoptUdp(fd, this.#family);
    inner.on('error', () => this.#forget(key));
    inner.connect(source.port, source.address, () => {
      flow.inner = inner;
      for (const data of flow.waiting.splice(0)) flow.outer.send(data);
    });
    inner.on('message', (data, from) => {
      // Between bind and connect the socket takes what others send to this address too.
      if (from.port !== source.port || from.address !== source.address) return;
      flow.usedAt = performance.now();
      flow.outer.send(data);
    });
    flow.outer.on('message', (data) => {
      flow.usedAt = performance.now();
      inner.send(data);
    });
  }

  #forget(key: string): void {
    const flow = this.#flows.get(key);
    if (flow === undefined) return;
    this.#flows.delete(key);
    flow.outer.close();
    flow.inner?.close();
  }

  #forgetIdle(): void {
    const oldest = performance.now() - IDLE_MS;
    for (const [key, { usedAt }] of this.#flows) if (usedAt < oldest) this.#forget(key);
  }

  #forgetOldest(): void {
    let oldest: string | undefined;
    let usedAt = Number.POSITIVE_INFINITY;
    for (const [key, flow] of this.#flows) if (flow.usedAt < usedAt) [oldest, usedAt] = [key, flow.usedAt];
    if (oldest !== undefined) this.#forget(oldest);
  }
}
