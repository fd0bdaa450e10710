import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { parseIp } from '#lib/ip.ts';
import { acceptOn } from '#os/socket.ts';
import { adoptUdp } from './adopt-udp.ts';
import { splice } from './splice.ts';

/** A resolver that has not answered after so long is passed over for the next one. */
const ANSWER_TIMEOUT_MS = 2000;
const MAX_QUERIES = 512;
const HEADER_BYTES = 12;
const RESOLV_CONF = '/etc/resolv.conf';
/** The host's resolvers change with its networks; they are read again after so long. */
const RESOLVERS_FRESH_MS = 5000;

/** The addresses of `nameserver` lines; 127.0.0.1 where there are none, as resolv.conf(5) says. */
export function parseResolvers(text: string): string[] {
  const found = text
    .split('\n')
    .map((line) => /^nameserver\s+(\S+)/.exec(line.trim())?.[1])
    .filter((address) => address !== undefined)
    .map((address) => address.replace(/%.*$/, ''))
    .filter((address) => parseIp(address) !== undefined);
  return found.length > 0 ? found : ['127.0.0.1'];
}

/** Passes DNS messages on to the host's resolvers as they are, UDP over UDP and TCP over TCP. */
export class DnsGateway implements Disposable {
  readonly #closers: Array<() => void> = [];
  #resolvers: string[] = [];
  #readAtMs = Number.NEGATIVE_INFINITY;
  #openQueries = 0;

  /** Serves a listening socket on port 53 of the fabric. */
  serveTcp(fd: number): void {
    const server = acceptOn(
      fd,
      (inner) => {
        const [host = '127.0.0.1'] = this.#hostResolvers();
        splice(inner, connect({ host, port: 53, allowHalfOpen: true }));
      },
      { allowHalfOpen: true },
    );
    this.#closers.push(() => server.close());
  }

  /** Serves a bound UDP socket on port 53 of the fabric. */
  serveUdp(fd: number, family: 4 | 6): void {
    const inner = adoptUdp(fd, family);
    inner.on('error', () => undefined);
    inner.on('message', (query, from) => this.#forward(query, from, inner, this.#hostResolvers()));
    this.#closers.push(() => inner.close());
  }

  [Symbol.dispose](): void {
    for (const close of this.#closers) close();
  }

  /** Asks the first of `resolvers`, and the others in turn while there is no answer. */
  #forward(query: Buffer, from: RemoteInfo, inner: UdpSocket, resolvers: readonly string[]): void {
    const [address, ...others] = resolvers;
    if (address === undefined || query.length < HEADER_BYTES || this.#openQueries >= MAX_QUERIES) return;
    this.#openQueries += 1;
    const outer = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const finish = (answer?: Buffer): void => {
      clearTimeout(timer);
      outer.removeAllListeners().close();
      this.#openQueries -= 1;
      if (answer === undefined) this.#forward(query, from, inner, others);
      else inner.send(answer, from.port, from.address);
    };
    const timer = setTimeout(() => finish(), ANSWER_TIMEOUT_MS);
    outer.once('error', () => finish());
    outer.on('message', (answer) => {
      // Connected: only the resolver's own datagrams arrive. One of another query is not ours.
      if (answer.length >= HEADER_BYTES && answer.readUInt16BE(0) === query.readUInt16BE(0)) finish(answer);
    });
    outer.connect(53, address, () => outer.send(query));
  }

  #hostResolvers(): string[] {
    const now = performance.now();
    if (now - this.#readAtMs > RESOLVERS_FRESH_MS) {
      this.#readAtMs = now;
      this.#resolvers = parseResolvers(readResolvConf());
    }
    return this.#resolvers;
  }
}

function readResolvConf(): string {
  try {
    return readFileSync(RESOLV_CONF, 'utf8');
  } catch {
    return '';
  }
}
