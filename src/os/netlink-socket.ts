import { LITTLE_ENDIAN } from '#wire/socket-address.ts';
import { closeFd } from './fd-ledger.ts';
import { check, Errno, lastErrno, libc } from './libc.ts';
import { openSocket, SOL_SOCKET, setOption } from './socket.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOL_NETLINK = 270;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const MSG_TRUNC = 0x20;
const EAGAIN = 11;
const EPERM = 1;
const ENOBUFS = 105;

/** The kernel makes dump messages of at most 32 KiB. */
const RECEIVE_BYTES = 64 * 1024;

/** What netlink_sendmsg(7) keeps of the send buffer for itself. */
const SEND_RESERVE_BYTES = 32;

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

export interface NetlinkSocketOptions {
  /** Descriptor of the network namespace to speak for; this thread's own by default. */
  netns?: number | undefined;
  /** Wanted buffer sizes; without real root the kernel grants at most net.core.wmem_max and rmem_max. */
  sendBufferBytes?: number | undefined;
  receiveBufferBytes?: number | undefined;
}

/** One thread's receive memory, shared by its sockets: what `receive()` returns lies in it. */
let receiveBuffer: Uint8Array | undefined;

/**
 * A netlink socket. The kernel answers while a request is being sent, so everything here is synchronous
 * and nothing ever waits.
 */
export class NetlinkSocket implements Disposable {
  readonly fd: number;
  /** The largest datagram that `send()` takes; more fails with EMSGSIZE. */
  readonly maxSendBytes: number;

  private constructor(fd: number) {
    this.fd = fd;
    const value = new Uint8Array(4);
    check(
      libc().getsockopt(fd, SOL_SOCKET, SO_SNDBUF, value, Uint8Array.of(4, 0, 0, 0)),
      'getsockopt',
      'SO_SNDBUF',
    );
    this.maxSendBytes = new DataView(value.buffer).getInt32(0, LITTLE_ENDIAN) - SEND_RESERVE_BYTES;
  }

  /** Opens a socket of a protocol (`NETLINK_ROUTE`, `NETLINK_NETFILTER` …), bound to a port of its own. */
  static open(protocol: number, options: NetlinkSocketOptions = {}): NetlinkSocket {
    const fd = openSocket(AF_NETLINK, SOCK_RAW, protocol, options.netns);
    try {
      for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) setOption(fd, SOL_NETLINK, option, 1);
      if (protocol === NETLINK_ROUTE) setOption(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
      setBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, options.sendBufferBytes);
      setBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options.receiveBufferBytes);
      const address = new Uint8Array(12);
      new DataView(address.buffer).setUint16(0, AF_NETLINK, LITTLE_ENDIAN);
      check(libc().bind(fd, address, address.length), 'bind', `netlink socket of protocol ${protocol}`);
      return new NetlinkSocket(fd);
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  /** Sends one datagram. When it returns the kernel has done what it asks for. */
  send(bytes: Uint8Array): void {
    check(
      libc().sendto(this.fd, bytes, bytes.length, 0, null, 0),
      'sendto',
      `netlink, ${bytes.length} bytes`,
    );
  }

  /**
   * The next datagram of the kernel, undefined when there is none. It lies in memory that the next call
   * (of any netlink socket of this thread) overwrites.
   */
  receive(): Uint8Array | undefined {
    receiveBuffer ??= new Uint8Array(RECEIVE_BYTES);
    let length = libc().recv(this.fd, receiveBuffer, RECEIVE_BYTES, MSG_TRUNC);
    // Said once when answers did not fit into the receive buffer; those that did are still there.
    if (length < 0 && lastErrno() === ENOBUFS)
      length = libc().recv(this.fd, receiveBuffer, RECEIVE_BYTES, MSG_TRUNC);
    if (length > RECEIVE_BYTES)
      throw new Error(`netlink datagram of ${length} bytes, expected at most ${RECEIVE_BYTES}`);
    if (length >= 0) return receiveBuffer.subarray(0, length);
    const errno = lastErrno();
    if (errno === EAGAIN) return undefined;
    throw new Errno('recv', errno, 'netlink');
  }

  [Symbol.dispose](): void {
    closeFd(this.fd);
  }
}

/** Past the limits where that is allowed, else as far as they go. */
function setBuffer(fd: number, forced: number, capped: number, bytes: number | undefined): void {
  if (bytes === undefined) return;
  try {
    setOption(fd, SOL_SOCKET, forced, bytes);
  } catch (error) {
    if (!(error instanceof Errno) || error.errno !== EPERM) throw error;
    setOption(fd, SOL_SOCKET, capped, bytes);
  }
}
