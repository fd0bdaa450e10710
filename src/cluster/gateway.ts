import type { Server } from 'node:net';
import { DnsGateway } from './gateway-dns.ts';
import { serveEgressTcp } from './gateway-tcp.ts';
import { type BindForeignUdp, EgressUdp } from './gateway-udp.ts';
import type { FabricSockets } from './messages.ts';

/**
 * The cluster's way out: sockets of the fabric on one side, of the host's namespace on the other. It belongs to the
 * supervisor's thread, the only one that is in the host's namespace.
 */
export class Gateway implements Disposable {
  readonly #tcp: Server[] = [];
  readonly #udp: EgressUdp[] = [];
  readonly #dns = new DnsGateway();
  #closed = false;

  /** Serves the fabric's sockets; `bindForeignUdp` makes one that answers in the name of an address outside. */
  serve(sockets: FabricSockets, bindForeignUdp: BindForeignUdp): void {
    // The cluster may be on its way down by the time the fabric has its sockets.
    if (this.#closed) return;
    for (const { fd } of sockets.egressTcp) this.#tcp.push(serveEgressTcp(fd));
    for (const { fd, family } of sockets.egressUdp) this.#udp.push(new EgressUdp(fd, family, bindForeignUdp));
    for (const { fd } of sockets.dnsTcp) this.#dns.serveTcp(fd);
    for (const { fd, family } of sockets.dnsUdp) this.#dns.serveUdp(fd, family);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const server of this.#tcp) server.close();
    for (const udp of this.#udp) udp[Symbol.dispose]();
    this.#dns[Symbol.dispose]();
  }
}
