/**
 * Port forwarding: SPDY streams in pairs, one for data, one for the text of an error, tied together by their
 * `requestid` header; every pair is one connection to a port of the pod.
 */
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { WebSocket } from 'ws';
import type { ContainerAccess, PodRef } from '#node/container-access.ts';
import { SpdySession, type SpdyStream } from './spdy-session.ts';
import { sendMessage } from './web-socket.ts';

/** A WebSocket whose binary messages are pieces of one SPDY/3.1 connection. */
export const PORT_FORWARD_TUNNEL = 'SPDY/3.1+portforward.k8s.io';

const PROTOCOL_ERROR = 1002;

export interface PortForwardConfig {
  webSocket: WebSocket;
  access: Pick<ContainerAccess, 'portForward'>;
  pod: PodRef;
}

/** Returns at once; everything ends with the WebSocket. */
export function servePortForward({ webSocket, access, pod }: PortForwardConfig): void {
  const aborter = new AbortController();
  const halves = new Map<string, { data?: SpdyStream; error?: SpdyStream }>();
  const session = new SpdySession({
    role: 'server',
    send: (bytes) => sendMessage(webSocket, bytes),
    setPaused: (paused) => (paused ? webSocket.pause() : webSocket.resume()),
    onStream: (stream) => {
      const request = requestOf(stream);
      if (!request) {
        stream.destroy();
        return;
      }
      stream.on('error', () => {});
      const pair = halves.get(request.id) ?? {};
      pair[request.type] = stream;
      halves.set(request.id, pair);
      stream.once('close', () => halves.delete(request.id));
      if (pair.data && pair.error) {
        halves.delete(request.id);
        void forward(pair.data, pair.error, request.port);
      }
    },
  });

  async function forward(data: SpdyStream, error: SpdyStream, port: number): Promise<void> {
    let connection: Duplex;
    try {
      connection = await access.portForward(pod, port, aborter.signal);
    } catch (failure) {
      // The client waits for the end of the error stream, and takes any text on it as the reason.
      error.end(`error forwarding port ${port} to pod ${pod.name}: ${(failure as Error).message}`);
      data.destroy();
      return;
    }
    connection.pipe(data);
    data.pipe(connection);
    // Whichever side breaks off takes the other with it; half-closing is passed on by the pipes.
    data.once('close', () => connection.destroy());
    connection.once('error', () => data.destroy());
    await Promise.all([finished(connection).catch(() => {}), finished(data).catch(() => {})]);
    error.end();
  }

  webSocket.on('message', (message: Buffer) => {
    try {
      session.receive(message);
    } catch {
      webSocket.close(PROTOCOL_ERROR);
    }
  });
  // A broken connection is closed as well.
  webSocket.on('error', () => {});
  webSocket.once('close', () => {
    aborter.abort();
    session.close();
  });
}

interface PortRequest {
  id: string;
  type: 'data' | 'error';
  port: number;
}

function requestOf({ headers }: SpdyStream): PortRequest | undefined {
  const [type] = headers.get('streamtype') ?? [];
  const [portText = ''] = headers.get('port') ?? [];
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if ((type !== 'data' && type !== 'error') || port < 1 || port > 65_535) {
    return undefined;
  }
  const [id = ''] = headers.get('requestid') ?? [];
  return { id, type, port };
}
