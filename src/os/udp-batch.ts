import { networkInterfaces } from 'node:os';
import { bytesToIp } from '#lib/ip.ts';
import {
  decodeSocketAddress,
  encodeSocketAddress,
  LITTLE_ENDIAN,
  type SocketAddress,
} from '#wire/socket-address.ts';
import { addressOf, lastErrno, libc } from './libc.ts';
import { SOL_IP, SOL_IPV6, SOL_SOCKET, setOption } from './socket.ts';

const IP_PKTINFO = 8;
const IPV6_RECVPKTINFO = 49;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_PEEK_OFF = 42;
const EAGAIN = 11;

/** `struct mmsghdr` on 64-bit machines: a `struct msghdr` of 56 bytes, the length received, padding. */
const HEADER_WORDS = 16;
const MESSAGE_HEADER_BYTES = 56;
const IOVEC_WORDS = 4;
/** Room for a `struct sockaddr_in6`, kept a multiple of 8. */
const NAME_BYTES = 32;
/** One `IPV6_PKTINFO` with its header. */
const CONTROL_BYTES = 40;
/** Indices of 32-bit words: the low halves on a machine that stores the low byte first. */
const LOW = LITTLE_ENDIAN ? 0 : 1;
const NAME_LENGTH = 2;
const CONTROL_LENGTH = 10 + LOW;
const FLAGS = 12;
const RECEIVED = 14;
/** Where `struct in_pktinfo` and `in6_pktinfo` have the index of the interface, counted from the control message. */
const IPV4_INTERFACE = 16;
const IPV6_INTERFACE = 32;
const IPV4_ASKED = 20;
const IPV6_ASKED = 16;
const MSG_PEEK = 0x02;
const MSG_TRUNC = 0x20;

/** Who sent a datagram, and to which of our addresses: enough to answer it later. */
export interface UdpPeer {
  readonly name: Buffer;
  readonly control: Buffer;
}

/**
 * Takes and sends up to `slots` datagrams per system call (recvmmsg(2), sendmmsg(2)). All memory is made
 * once: a datagram lies in `data` from `start(slot)`, is answered in place, and goes back to its sender
 * from the address that it was sent to. A slot that is not answered is left out.
 */
export class UdpBatch {
  /** Bytes that a datagram, and its answer in place, may have. */
  readonly slotBytes: number;
  readonly slots: number;
  readonly data: Buffer;
  readonly #fd: number;
  readonly #pins: boolean;
  readonly #headers: Buffer;
  readonly #headerWords: Uint32Array;
  readonly #iovecWords: Uint32Array;
  readonly #iovecs: Buffer;
  readonly #names: Buffer;
  readonly #nameBytes: number;
  readonly #control: Buffer;
  readonly #family: 4 | 6;
  #single: SingleMessage | undefined;

  /** `pinSource`: the socket is bound to all addresses; answers have to leave from the one that was asked. */
  constructor(
    fd: number,
    {
      family,
      slots = 64,
      slotBytes = 4096,
      pinSource = false,
    }: {
      family: 4 | 6;
      slots?: number;
      slotBytes?: number;
      pinSource?: boolean;
    },
  ) {
    this.#fd = fd;
    this.#family = family;
    this.#pins = pinSource;
    this.slots = slots;
    this.slotBytes = slotBytes;
    this.data = Buffer.allocUnsafeSlow(slots * slotBytes);
    this.#headers = zeroed(slots * HEADER_WORDS * 4);
    this.#headerWords = words(this.#headers);
    this.#iovecs = zeroed(slots * IOVEC_WORDS * 4);
    this.#iovecWords = words(this.#iovecs);
    this.#names = zeroed(slots * NAME_BYTES);
    this.#nameBytes = family === 4 ? 16 : 28;
    this.#control = zeroed(slots * CONTROL_BYTES);
    if (pinSource) {
      if (family === 4) setOption(fd, SOL_IP, IP_PKTINFO, 1);
      else setOption(fd, SOL_IPV6, IPV6_RECVPKTINFO, 1);
    }
    for (let slot = 0; slot < slots; slot++) this.#point(slot);
  }

  start(slot: number): number {
    return slot * this.slotBytes;
  }

  /**
   * Takes what has come in, without waiting, and returns how many slots are filled. The first `keep` slots,
   * filled by `put()`, stay; all others are overwritten. Takes no more than fill `limit` slots.
   */
  receive(keep = 0, limit = this.slots): number {
    for (let slot = keep; slot < this.slots; slot++) this.#reset(slot);
    const headers = this.#headersFrom(keep);
    const count = libc().recvmmsg(this.#fd, headers, limit - keep, 0, null);
    // No datagram, or an ICMP error of one client, which is reported once and is not the server's.
    return keep + Math.max(0, count);
  }

  /**
   * As `receive()`, but what it takes stays in the socket, to be received later: for a socket that outlives this process, so
   * that the next one finds what this one did not get to answer. Leaves out empty datagrams that were peeked at before.
   */
  peek(): number {
    for (let slot = 0; slot < this.slots; slot++) this.#reset(slot);
    // From the first datagram on, and on behind each that is taken.
    setOption(this.#fd, SOL_SOCKET, SO_PEEK_OFF, 0);
    // MSG_TRUNC: on behind the whole of a datagram that does not fit.
    return Math.max(0, libc().recvmmsg(this.#fd, this.#headers, this.slots, MSG_PEEK | MSG_TRUNC, null));
  }

  /** Whether the first `count` slots hold datagrams of the same senders, with the same first two bytes, as the other's. */
  isLike(other: UdpBatch, count: number): boolean {
    for (let slot = 0; slot < count; slot++) {
      const name = slot * NAME_BYTES;
      const start = this.start(slot);
      const same =
        this.#names.compare(other.#names, name, name + this.#nameBytes, name, name + this.#nameBytes) === 0 &&
        this.data[start] === other.data[start] &&
        this.data[start + 1] === other.data[start + 1];
      if (!same) return false;
    }
    return true;
  }

  /** Fills a slot with a datagram that was received elsewhere; false when it does not fit. */
  put(slot: number, message: Uint8Array, { address, port }: { address: string; port: number }): boolean {
    if (message.length > this.slotBytes) return false;
    this.#reset(slot);
    this.data.set(message, this.start(slot));
    this.#names.set(
      encodeSocketAddress(address.split('%')[0] ?? address, port, scopeOf(address)),
      slot * NAME_BYTES,
    );
    const header = slot * HEADER_WORDS;
    this.#headerWords[header + CONTROL_LENGTH] = 0;
    this.#headerWords[header + FLAGS] = 0;
    this.#headerWords[header + RECEIVED] = message.length;
    return true;
  }

  /** Bytes of a received datagram; 0 for one that did not fit. */
  length(slot: number): number {
    const header = slot * HEADER_WORDS;
    return ((this.#headerWords[header + FLAGS] ?? 0) & MSG_TRUNC) === 0
      ? (this.#headerWords[header + RECEIVED] ?? 0)
      : 0;
  }

  /** Says how many bytes of the slot are to be sent back; 0: none. */
  answer(slot: number, length: number): void {
    this.#iovecWords[slot * IOVEC_WORDS + 2 + LOW] = length;
  }

  /** Sends the answers of the first `count` slots. What the socket's buffer has no room for is lost, as UDP may. */
  send(count: number): void {
    let from = 0;
    while (from < count) {
      if (this.#answerLength(from) === 0) {
        from++;
        continue;
      }
      let to = from + 1;
      while (to < count && this.#answerLength(to) > 0) to++;
      from = this.#sendRun(from, to);
    }
  }

  /** The sender of a slot, to be answered by `reply()` when the slot is long taken by another datagram. */
  peer(slot: number): UdpPeer {
    const name = slot * NAME_BYTES;
    const control = slot * CONTROL_BYTES;
    const controlLength = this.#headerWords[slot * HEADER_WORDS + CONTROL_LENGTH] ?? 0;
    return {
      name: Buffer.from(this.#names.subarray(name, name + this.#nameBytes)),
      control: Buffer.from(this.#control.subarray(control, control + controlLength)),
    };
  }

  /** Sends one datagram; false when the send buffer is full or the peer cannot be reached. */
  reply(peer: UdpPeer, response: Uint8Array): boolean {
    this.#single ??= new SingleMessage();
    return this.#single.send(this.#fd, peer, response);
  }

  #answerLength(slot: number): number {
    return this.#iovecWords[slot * IOVEC_WORDS + 2 + LOW] ?? 0;
  }

  /** Sends slots without a gap; returns the slot to go on with: behind one that cannot be sent. */
  #sendRun(from: number, to: number): number {
    for (let slot = from; this.#pins && slot < to; slot++) this.#forgetInterface(slot);
    const headers = this.#headersFrom(from);
    const sent = libc().sendmmsg(this.#fd, headers, to - from, 0);
    if (sent > 0) return from + sent;
    return lastErrno() === EAGAIN ? to : from + 1;
  }

  #headersFrom(slot: number): Buffer {
    return slot === 0 ? this.#headers : this.#headers.subarray(slot * HEADER_WORDS * 4);
  }

  /** The routing table chooses the interface; link-local peers carry theirs in their address. */
  #forgetInterface(slot: number): void {
    const at = slot * CONTROL_BYTES + (this.#family === 4 ? IPV4_INTERFACE : IPV6_INTERFACE);
    this.#control.fill(0, at, at + 4);
  }

  #reset(slot: number): void {
    const header = slot * HEADER_WORDS;
    this.#headerWords[header + NAME_LENGTH] = this.#nameBytes;
    if (this.#pins) this.#headerWords[header + CONTROL_LENGTH] = CONTROL_BYTES;
    this.#iovecWords[slot * IOVEC_WORDS + 2 + LOW] = this.slotBytes;
  }

  /** Fills in the pointers of a slot, which never change. */
  #point(slot: number): void {
    const header = slot * HEADER_WORDS * 4;
    const iovec = slot * IOVEC_WORDS * 4;
    const at = (memory: Buffer, offset: number): bigint => addressOf(memory) + BigInt(offset);
    setPointer(this.#iovecs, iovec, at(this.data, this.start(slot)));
    setPointer(this.#headers, header, at(this.#names, slot * NAME_BYTES));
    setPointer(this.#headers, header + 16, at(this.#iovecs, iovec));
    setPointer(this.#headers, header + 24, 1n);
    if (this.#pins) setPointer(this.#headers, header + 32, at(this.#control, slot * CONTROL_BYTES));
  }
}

/** Structures for sendmsg(2), for answers that come later than their batch. */
class SingleMessage {
  readonly #header = zeroed(MESSAGE_HEADER_BYTES + 16);
  readonly #name = zeroed(NAME_BYTES);
  readonly #control = zeroed(CONTROL_BYTES);
  #data = Buffer.allocUnsafeSlow(4096);

  constructor() {
    setPointer(this.#header, 0, addressOf(this.#name));
    setPointer(this.#header, 16, addressOf(this.#header) + BigInt(MESSAGE_HEADER_BYTES));
    setPointer(this.#header, 24, 1n);
    setPointer(this.#header, MESSAGE_HEADER_BYTES, addressOf(this.#data));
  }

  send(fd: number, { name, control }: UdpPeer, response: Uint8Array): boolean {
    if (response.length > this.#data.length) {
      this.#data = Buffer.allocUnsafeSlow(0x10000);
      setPointer(this.#header, MESSAGE_HEADER_BYTES, addressOf(this.#data));
    }
    this.#data.set(response);
    name.copy(this.#name);
    control.copy(this.#control);
    const interfaceAt = name.length === 16 ? IPV4_INTERFACE : IPV6_INTERFACE;
    this.#control.fill(0, interfaceAt, interfaceAt + 4);
    words(this.#header)[NAME_LENGTH] = name.length;
    setPointer(this.#header, 32, control.length === 0 ? 0n : addressOf(this.#control));
    setPointer(this.#header, 40, BigInt(control.length));
    setPointer(this.#header, MESSAGE_HEADER_BYTES + 8, BigInt(response.length));
    return libc().sendmsg(fd, this.#header, 0) >= 0;
  }
}

/** The sender's address and port. */
export function peerAddress({ name }: UdpPeer): SocketAddress | undefined {
  return decodeSocketAddress(name);
}

/** Which of our addresses was asked; undefined when the socket does not tell. */
export function askedAddress({ name, control }: UdpPeer): string | undefined {
  const [start, end] = name.length === 16 ? [IPV4_ASKED, IPV4_ASKED + 4] : [IPV6_ASKED, IPV6_ASKED + 16];
  return control.length >= end ? bytesToIp(control.subarray(start, end)) : undefined;
}

/** Sets how many bytes a socket may hold, as far as the system's limits let it. */
export function growSocketBuffers(fd: number, bytes: number): void {
  setOption(fd, SOL_SOCKET, SO_RCVBUF, bytes);
  setOption(fd, SOL_SOCKET, SO_SNDBUF, bytes);
}

/** The interface behind `%` in a link-local address: by number here, by name from `node:dgram`. */
function scopeOf(address: string): number {
  const scope = address.split('%')[1];
  if (scope === undefined) return 0;
  const found = Object.entries(networkInterfaces()).find(([name]) => name === scope)?.[1];
  return found?.find((each) => each.family === 'IPv6')?.scopeid ?? (Number(scope) || 0);
}

function zeroed(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes).fill(0);
}

function words(memory: Buffer): Uint32Array {
  return new Uint32Array(memory.buffer, memory.byteOffset, memory.length >> 2);
}

function setPointer(memory: Buffer, offset: number, value: bigint): void {
  if (LITTLE_ENDIAN) memory.writeBigUInt64LE(value, offset);
  else memory.writeBigUInt64BE(value, offset);
}
