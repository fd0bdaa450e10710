/** Requests to kubelets, pods and Services over connections that the cluster dials for us. */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import type { Dial } from '#apiserver/config.ts';
import type { Location } from './plan-container.ts';

export interface Backend extends Location {
  /** Undefined: plain HTTP. */
  tls?: ConnectionOptions | undefined;
}

export interface BackendRequest {
  method: string;
  /** Path and query. */
  path: string;
  headers: readonly (readonly [name: string, value: string])[];
}

/** Rejects with the dial's or the handshake's error. */
export async function connectBackend(dial: Dial, { address, port, tls }: Backend): Promise<Socket> {
  const socket = await dial(address, port);
  // Every keystroke of an exec session is a packet of its own.
  socket.setNoDelay(true);
  if (!tls) {
    return socket;
  }
  return await new Promise((resolve, reject) => {
    // `host` is what the certificate must name; without a server name, for addresses have none.
    const secure = tlsConnect({ ...tls, socket, host: address }, () => {
      secure.off('error', reject);
      resolve(secure);
    });
    secure.once('error', (error) => {
      socket.destroy();
      reject(error);
    });
  });
}

/** Starts a request on a connection of its own. The caller ends it. */
export function startRequest(socket: Socket, location: Location, request: BackendRequest): ClientRequest {
  const started = httpRequest({
    createConnection: () => socket,
    method: request.method,
    path: request.path,
    headers: [...request.headers, ['Host', hostOf(location)]].flat(),
  });
  // Who waits for the answer is told; what goes wrong later shows in the answer itself.
  return started.on('error', () => {});
}

export function hostOf({ address, port }: Location): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

export type UpgradeResult =
  | { kind: 'upgraded'; response: IncomingMessage; socket: Duplex; head: Buffer }
  | { kind: 'refused'; response: IncomingMessage };

/** Resolves with the backend's answer to an upgrade request. */
export function awaitUpgrade(request: ClientRequest): Promise<UpgradeResult> {
  return new Promise((resolve, reject) => {
    request.once('upgrade', (response, socket, head) =>
      resolve({ kind: 'upgraded', response, socket, head }),
    );
    request.once('response', (response) => resolve({ kind: 'refused', response }));
    request.once('error', reject);
    request.end();
  });
}

export function awaitResponse(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
  });
}

const MAX_ERROR_LENGTH = 16_384;

/** The text of a refusal; what is too long is cut off. */
export async function readErrorText(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.length > MAX_ERROR_LENGTH) {
      break;
    }
  }
  return text.slice(0, MAX_ERROR_LENGTH).trim();
}
