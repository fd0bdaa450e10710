import { inheritedAddresses } from '#os/inherited-sockets.ts';
import type { UdpPeer } from '#os/udp-batch.ts';
import type { AnswerTable } from './answer-table.ts';
import type { ListenAddress } from './config.ts';
import type { Client } from './handler.ts';

/** Whole response messages: one, or, for a zone transfer over a stream, several. Undefined: none at all. */
export type Response = Buffer | readonly Buffer[] | undefined;

/** What every transport serves. */
export interface QueryService {
  /** Asked first, before anything is made of a query; undefined: every query is for `answer`. */
  readonly table?: AnswerTable | undefined;
  /** Answers one message. `message` is the callee's to keep. Never throws, never rejects. */
  answer(message: Buffer, client: Client): Response | Promise<Response>;
  /** Told of every batch of queries, however they are answered. */
  asked?(): void;
  /** The server goes: a stream ends with the next answer, for its client to connect to another one. */
  readonly leaving?: boolean;
}

const MIN_UDP_BYTES = 512;
/** The largest UDP answer, whatever a client says that it takes: who asks in another's name gets no more out of it. */
export const MAX_UDP_BYTES = 4096;

/** How large an answer over UDP may be. `offered`: by the query's OPT record, if it has one. */
export function udpLimit(offered = 0): number {
  return Math.min(MAX_UDP_BYTES, Math.max(MIN_UDP_BYTES, offered));
}

/** How a listener may share its port. */
export interface ListenOptions {
  /** Other listeners with this set may have the same address and port: one per thread. */
  readonly reusePort?: boolean | undefined;
}

/** A socket that takes queries; disposing of it closes the socket and its connections. */
export interface Listener extends AsyncDisposable {
  /** With the port that the system chose when 0 was asked for. */
  readonly address: ListenAddress;
  /** Where other threads can help it. */
  readonly share?: UdpShare | undefined;
}

/** How other threads can help a UDP listener: by sockets of the same address and port. */
export interface UdpShare {
  readonly family: 4 | 6;
  /** Answers have to be told to leave from the address that was asked. */
  readonly pinSource: boolean;
  /** Makes such a socket, a descriptor that the caller has to close. From now on the system spreads queries over all. */
  open(): number;
  /** Answers a query that came in by one of them; `answered` is called when that is done. */
  answer(message: Buffer, peer: UdpPeer, answered: () => void): void;
}

/** The machine has no such address family: one of two wildcard listeners may fail with it. */
export function isFamilyMissing(error: unknown): boolean {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL';
}

/** "cannot listen on …: what, and what would be right". */
export function listenError(what: string, { address, port }: ListenAddress, error: Error): Error {
  const { code } = error as NodeJS.ErrnoException;
  const hint =
    code === 'EADDRINUSE'
      ? holderOf(port)
      : code === 'EACCES'
        ? 'ports below 1024 need root or CAP_NET_BIND_SERVICE'
        : code === 'EADDRNOTAVAIL'
          ? 'this machine does not have the address'
          : error.message;
  const wrapped = new Error(`cannot listen on ${what} ${address} port ${port}: ${hint} (${code})`, {
    cause: error,
  });
  return Object.assign(wrapped, { code });
}

function holderOf(port: number): string {
  const given = inheritedAddresses(port);
  return given.length === 0
    ? 'another program has the port'
    : `this process was given it on ${given.join(' and ')} (LISTEN_FDS), where it has to listen`;
}
