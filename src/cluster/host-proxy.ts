import type { Server, Socket } from 'node:net';
import { acceptOn } from '#os/socket.ts';
import type { Dialer } from './cluster-dialer.ts';
import type { HttpProxy } from './http-proxy.ts';
import { SOCKS_VERSION, serveSocks } from './socks.ts';

/** A client that says nothing for so long is not waited for. */
const GREETING_TIMEOUT_MS = 10_000;

/** One port of the host through which every Service and pod is reached: SOCKS5, HTTP CONNECT and plain HTTP. */
export class HostProxy implements Disposable {
  readonly #dialer: Dialer;
  readonly #server: Server;
  #http: Promise<HttpProxy> | undefined;

  /** Takes over a listening socket. */
  constructor(fd: number, dialer: Dialer) {
    this.#dialer = dialer;
    this.#server = acceptOn(fd, (client) => this.#greet(client), { allowHalfOpen: true });
  }

  [Symbol.dispose](): void {
    this.#server.close();
  }

  /** The first byte tells the protocols apart: no HTTP method begins with 5. */
  #greet(client: Socket): void {
    client.on('error', () => client.destroy());
    client.setTimeout(GREETING_TIMEOUT_MS, () => client.destroy());
    client.once('readable', () => {
      const first = client.read() as Buffer | null;
      client.setTimeout(0);
      if (first === null) {
        client.destroy();
        return;
      }
      client.unshift(first);
      if (first[0] === SOCKS_VERSION) void serveSocks(client, this.#dialer);
      else void this.#serveHttp(client);
    });
  }

  /** node:http is loaded for those who use it. */
  async #serveHttp(client: Socket): Promise<void> {
    this.#http ??= import('./http-proxy.ts').then(({ HttpProxy }) => new HttpProxy(this.#dialer));
    (await this.#http).serve(client);
  }
}
