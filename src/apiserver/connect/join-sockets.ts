/** Two connections become one: bytes pass both ways, and each end follows the other. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { UpgradeResult } from './backend.ts';

/** Hands the backend's 101 to the client and joins the two. */
export function passUpgrade(
  upgraded: Extract<UpgradeResult, { kind: 'upgraded' }>,
  client: Duplex,
  clientHead: Buffer,
  signal: AbortSignal,
): void {
  const { response, socket: backend, head } = upgraded;
  client.write(responseHead(response));
  client.write(head);
  backend.write(clientHead);
  joinSockets(client, backend, signal);
}

export function joinSockets(left: Duplex, right: Duplex, signal: AbortSignal): void {
  for (const socket of [left, right] as Socket[]) {
    // An idle terminal session is no dead connection.
    socket.setTimeout(0);
    socket.setNoDelay(true);
  }
  const end = () => {
    left.destroy();
    right.destroy();
  };
  for (const socket of [left, right]) {
    socket.on('error', end);
    socket.once('close', end);
  }
  signal.addEventListener('abort', end, { once: true });
  left.once('close', () => signal.removeEventListener('abort', end));
  left.pipe(right);
  right.pipe(left);
  // One may have gone while the other was made; it will not say so again.
  if (left.destroyed || right.destroyed) end();
}

/** Status line and headers as they came. */
function responseHead({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  let head = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    head += `${rawHeaders[index]}: ${rawHeaders[index + 1]}\r\n`;
  }
  return `${head}\r\n`;
}
