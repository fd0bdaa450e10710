import type { Socket } from 'node:net';
import { bytesToIp } from '#lib/ip.ts';
import type { Dialer } from './cluster-dialer.ts';
import { splice } from './splice.ts';

/** SOCKS5, RFC 1928. */
export const SOCKS_VERSION = 5;
const NO_AUTHENTICATION = 0;
const NO_ACCEPTABLE_METHOD = 0xff;
const COMMAND_CONNECT = 1;
const ADDRESS_IPV4 = 1;
const ADDRESS_NAME = 3;
const ADDRESS_IPV6 = 4;

/** Replies of RFC 1928 §6. */
const REPLY = {
  succeeded: 0,
  generalFailure: 1,
  networkUnreachable: 3,
  hostUnreachable: 4,
  connectionRefused: 5,
  commandNotSupported: 7,
  addressTypeNotSupported: 8,
} as const;

const REPLY_BY_CODE: Readonly<Record<string, number>> = {
  ECONNREFUSED: REPLY.connectionRefused,
  ENETUNREACH: REPLY.networkUnreachable,
  EHOSTUNREACH: REPLY.hostUnreachable,
  ENOTFOUND: REPLY.hostUnreachable,
  ETIMEDOUT: REPLY.hostUnreachable,
};

/** Serves one client from its greeting on; names are resolved by the cluster. */
export async function serveSocks(client: Socket, dialer: Dialer): Promise<void> {
  const words = new Words(client);
  try {
    const [, methodCount = 0] = await words.take(2);
    const methods = await words.take(methodCount);
    if (!methods.includes(NO_AUTHENTICATION)) {
      client.end(Uint8Array.of(SOCKS_VERSION, NO_ACCEPTABLE_METHOD));
      return;
    }
    client.write(Uint8Array.of(SOCKS_VERSION, NO_AUTHENTICATION));
    const [, command, , addressType = 0] = await words.take(4);
    const host = await readHost(words, addressType);
    if (host === undefined) return refuse(client, REPLY.addressTypeNotSupported);
    const port = (await words.take(2)).readUInt16BE();
    if (command !== COMMAND_CONNECT) return refuse(client, REPLY.commandNotSupported);
    words.giveBack();
    await connectTo(client, dialer, host, port);
  } catch {
    // The client went away in the middle of a word.
    client.destroy();
  }
}

async function connectTo(client: Socket, dialer: Dialer, host: string, port: number): Promise<void> {
  let upstream: Socket;
  try {
    upstream = await dialer.dial(host, port);
  } catch (error) {
    return refuse(client, REPLY_BY_CODE[(error as { code?: string }).code ?? ''] ?? REPLY.generalFailure);
  }
  client.write(reply(REPLY.succeeded));
  splice(client, upstream);
}

async function readHost(words: Words, addressType: number): Promise<string | undefined> {
  if (addressType === ADDRESS_IPV4) return bytesToIp(await words.take(4));
  if (addressType === ADDRESS_IPV6) return bytesToIp(await words.take(16));
  if (addressType !== ADDRESS_NAME) return undefined;
  const [length = 0] = await words.take(1);
  return (await words.take(length)).toString('latin1');
}

function refuse(client: Socket, code: number): void {
  client.end(reply(code));
}

/** The bound address is of no use to anybody here: 0.0.0.0:0. */
function reply(code: number): Uint8Array {
  return Uint8Array.of(SOCKS_VERSION, code, 0, ADDRESS_IPV4, 0, 0, 0, 0, 0, 0);
}

/** A client's bytes, a few at a time. */
class Words {
  readonly #client: Socket;
  #pending = Buffer.alloc(0);

  constructor(client: Socket) {
    this.#client = client;
  }

  /** Waits for so many bytes; throws when the stream ends before. */
  async take(length: number): Promise<Buffer> {
    while (this.#pending.length < length) {
      const chunk = this.#client.read() as Buffer | null;
      if (chunk !== null) this.#pending = Buffer.concat([this.#pending, chunk]);
      else if (this.#client.readableEnded || this.#client.destroyed) throw new Error('the client ended');
      else await this.#change();
    }
    const taken = this.#pending.subarray(0, length);
    this.#pending = this.#pending.subarray(length);
    return taken;
  }

  /** What was received beyond the last word is for whoever reads the stream next. */
  giveBack(): void {
    if (this.#pending.length > 0) this.#client.unshift(this.#pending);
    this.#pending = Buffer.alloc(0);
  }

  #change(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const events = ['readable', 'end', 'close'];
    const told = (): void => {
      for (const event of events) this.#client.off(event, told);
      resolve();
    };
    for (const event of events) this.#client.on(event, told);
    return promise;
  }
}
