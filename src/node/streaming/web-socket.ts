/** WebSockets of the node's server: handshake with a subprotocol, sending with backpressure. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** kubectl sends 32 KiB at most; whoever sends more is no client of ours. */
const MAX_MESSAGE_LENGTH = 4 << 20;

/** The first of `supported` that the client offers; undefined if there is none. */
export function chooseProtocol<P extends string>(
  request: IncomingMessage,
  supported: readonly P[],
): P | undefined {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return supported.find((name) => offered.includes(name));
}

/** Completes the handshake. Rejects if the client is gone or sends no valid request. */
export async function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocol: string,
): Promise<WebSocket> {
  // Loaded when first needed: a node starts without it.
  const { WebSocketServer } = await import('ws');
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_LENGTH,
  });
  // Names such as SPDY/3.1+portforward.k8s.io are no tokens, which the library insists on; so it is not told of them.
  delete request.headers['sec-websocket-protocol'];
  server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return await new Promise((resolve, reject) => {
    server.once('wsClientError', reject);
    server.handleUpgrade(request, socket, head, resolve);
  });
}

/** Resolves when the message has been handed to the kernel: wait for it, and a slow reader slows the sender. */
export function sendMessage(webSocket: WebSocket, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    webSocket.send(message, { binary: true }, (error) => (error ? reject(error) : resolve()));
  });
}
