/** exec, attach and port-forward: the connection becomes a WebSocket, or a refusal. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ContainerAccess } from '#node/container-access.ts';
import { CHANNEL_PROTOCOLS } from '#wire/channel-protocol.ts';
import type { StreamingRequest } from './plan-request.ts';
import { exitStatus, SUCCESS } from './plan-status.ts';
import { PORT_FORWARD_TUNNEL, servePortForward } from './serve-port-forward.ts';
import { serveSession } from './serve-session.ts';
import { acceptWebSocket, chooseProtocol } from './web-socket.ts';

/** Rejects if the handshake fails; the caller destroys the socket then. */
export async function serveUpgrade(
  access: ContainerAccess,
  plan: StreamingRequest,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  if (plan.kind === 'refused') {
    refuseUpgrade(socket, plan.status, plan.message);
    return;
  }
  if (plan.kind !== 'exec' && plan.kind !== 'attach' && plan.kind !== 'portForward') {
    refuseUpgrade(socket, 400, 'this path cannot be upgraded');
    return;
  }
  if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
    refuseUpgrade(socket, 501, `not implemented: upgrade to ${request.headers.upgrade}; use WebSocket`);
    return;
  }
  if (plan.kind === 'portForward') {
    if (!chooseProtocol(request, [PORT_FORWARD_TUNNEL])) {
      refuseUpgrade(socket, 400, `the WebSocket subprotocol must be ${PORT_FORWARD_TUNNEL}`);
      return;
    }
    const webSocket = await acceptWebSocket(request, socket, head, PORT_FORWARD_TUNNEL);
    servePortForward({ webSocket, access, pod: plan.pod });
    return;
  }
  const protocol = chooseProtocol(request, CHANNEL_PROTOCOLS);
  if (!protocol) {
    refuseUpgrade(socket, 400, `the WebSocket subprotocol must be one of ${CHANNEL_PROTOCOLS.join(', ')}`);
    return;
  }
  const webSocket = await acceptWebSocket(request, socket, head, protocol);
  await serveSession(
    plan.kind === 'exec'
      ? { webSocket, protocol, open: () => access.exec(plan.container, plan.options), statusOf: exitStatus }
      : // Attaching ends well whatever becomes of the container: its exit code is in the pod's status.
        {
          webSocket,
          protocol,
          open: () => access.attach(plan.container, plan.streams),
          statusOf: () => SUCCESS,
        },
  );
}

function refuseUpgrade(socket: Duplex, status: number, message: string): void {
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(message)}\r\n` +
      `Connection: close\r\n\r\n${message}`,
  );
}
