import { writeSync } from 'node:fs';
import { unmapIp } from '#lib/ip.ts';
import { decodeSocketAddress, type SocketAddress } from '#wire/socket-address.ts';
import { closeFd } from './fd-ledger.ts';
import { Errno, lastErrno, libc, type MessageHeader } from './libc.ts';
import { makePipe } from './pipe.ts';
import { waitReadable } from './readable.ts';
import { SOL_IP, SOL_IPV6, setOption } from './socket.ts';

const IP_RECVORIGDSTADDR = 20;
const IPV6_RECVORIGDSTADDR = 74;
const MAX_DATAGRAM_BYTES = 65_535;
/** Holds one control message with a `sockaddr_in6`, and some more. */
const CONTROL_BYTES = 128;
/** `struct cmsghdr`: length (8 bytes), level, type. */
const CONTROL_HEADER_BYTES = 16;
const EAGAIN = 11;

/** A datagram that was on its way to somebody else. */
export interface DivertedDatagram {
  readonly source: SocketAddress;
  /** Where its sender wanted it to go. */
  readonly destination: SocketAddress;
  readonly data: Buffer;
}

/** Receives what the kernel diverts (tproxy) to a transparent UDP socket, with the original destination. */
export class DivertedUdp implements Disposable {
  readonly #fd: number;
  readonly #wake = makePipe();
  readonly #onDatagram: (datagram: DivertedDatagram) => void;
  #closed = false;

  /** Takes the descriptor over. */
  constructor(fd: number, family: 4 | 6, onDatagram: (datagram: DivertedDatagram) => void) {
    this.#fd = fd;
    this.#onDatagram = onDatagram;
    if (family === 4) setOption(fd, SOL_IP, IP_RECVORIGDSTADDR, 1);
    else setOption(fd, SOL_IPV6, IPV6_RECVORIGDSTADDR, 1);
    void this.#receive();
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    writeSync(this.#wake.write, 'x');
  }

  async #receive(): Promise<void> {
    while (!this.#closed) {
      await waitReadable([this.#fd, this.#wake.read]);
      for (let datagram = this.#next(); datagram !== undefined; datagram = this.#next()) {
        if (datagram !== 'foreign') this.#onDatagram(datagram);
      }
    }
    closeFd(this.#fd);
    closeFd(this.#wake.read);
    closeFd(this.#wake.write);
  }

  #next(): DivertedDatagram | 'foreign' | undefined {
    const name = new Uint8Array(28);
    const base = Buffer.allocUnsafe(MAX_DATAGRAM_BYTES);
    const control = new Uint8Array(CONTROL_BYTES);
    const header: MessageHeader = {
      name,
      namelen: name.length,
      iov: { base, len: base.length },
      iovlen: 1,
      control,
      controllen: control.length,
      flags: 0,
    };
    const length = libc().recvmsg(this.#fd, header, 0);
    if (length < 0) {
      if (lastErrno() === EAGAIN) return undefined;
      throw new Errno('recvmsg', lastErrno(), `diverted UDP, descriptor ${this.#fd}`);
    }
    const source = decodeSocketAddress(name);
    const destination = decodeSocketAddress(control.subarray(CONTROL_HEADER_BYTES));
    if (source === undefined || destination === undefined) return 'foreign';
    const data = Buffer.from(base.subarray(0, length));
    return { source: plain(source), destination: plain(destination), data };
  }
}

function plain({ address, port }: SocketAddress): SocketAddress {
  return { address: unmapIp(address), port };
}
