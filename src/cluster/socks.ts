import type { Socket } from 'node:net';
import { bytesToIp } from '#lib/ip.ts';
import type { ClusterDialer } from './cluster-dialer.ts';
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
export async function serveSocks(client: Socket, dialer: ClusterDialer): Promise<void> {
  try {
    const [, methodCount = 0] = await readExactly(client, 2);
    const methods = await readExactly(client, methodCount);
    if (!methods.includes(NO_AUTHENTICATION)) {
      client.end(Uint8Array.of(SOCKS_VERSION, NO_ACCEPTABLE_METHOD));
      return;
    }
    client.write(Uint8Array.of(SOCKS_VERSION, NO_AUTHENTICATION));
    const [, command, , addressType = 0] = await readExactly(client, 4);
    const host = await readHost(client, addressType);
    const port = (await readExactly(client, 2)).readUInt16BE();
    if (host === undefined) return refuse(client, REPLY.addressTypeNotSupported);
    if (command !== COMMAND_CONNECT) return refuse(client, REPLY.commandNotSupported);
    await connectTo(client, dialer, host, port);
  } catch {
    // The client went away in the middle of a word.
    client.destroy();
  }
}

async function connectTo(client: Socket, dialer: ClusterDialer, host: string, port: number): Promise<void> {
  let upstream: Socket;
  try {
    upstream = await dialer.dial(host, port);
  } catch (error) {
    return refuse(client, REPLY_BY_CODE[(error as { code?: string }).code ?? ''] ?? REPLY.generalFailure);
  }
  client.write(reply(REPLY.succeeded));
  splice(client, upstream);
}

async function readHost(client: Socket, addressType: number): Promise<string | undefined> {
  if (addressType === ADDRESS_IPV4) return bytesToIp(await readExactly(client, 4));
  if (addressType === ADDRESS_IPV6) return bytesToIp(await readExactly(client, 16));
  if (addressType !== ADDRESS_NAME) return undefined;
  const [length = 0] = await readExactly(client, 1);
  return (await readExactly(client, length)).toString('latin1');
}

function refuse(client: Socket, code: number): void {
  client.end(reply(code));
}

/** The bound address is of no use to anybody here: 0.0.0.0:0. */
function reply(code: number): Uint8Array {
  return Uint8Array.of(SOCKS_VERSION, code, 0, ADDRESS_IPV4, 0, 0, 0, 0, 0, 0);
}

/** Takes so many bytes; throws when the stream ends before. */
async function readExactly(client: Socket, length: number): Promise<Buffer> {
  if (length === 0) return Buffer.alloc(0);
  for (;;) {
    const bytes = client.read(length) as Buffer | null;
    if (bytes?.length === length) return bytes;
    if (bytes !== null || client.destroyed || client.readableEnded) throw new Error('the client ended');
    await new Promise<void>((resolve) => {
      const go = (): void => {
        for (const event of ['readable', 'end', 'close']) client.off(event, go);
        resolve();
      };
      for (const event of ['readable', 'end', 'close']) client.on(event, go);
    });
  }
}
