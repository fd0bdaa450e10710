/** One exec or attach session: the process's streams as channels of a WebSocket. */
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Status } from '#api/meta/v1.gen.ts';
import { ContainerAccessError, type ProcessExit, type ProcessSession } from '#node/container-access.ts';
import {
  CHANNEL,
  type ChannelProtocol,
  decodeChannelMessage,
  decodeTerminalSize,
  encodeChannelData,
} from '#wire/channel-protocol.ts';
import { refusalStatus } from './plan-status.ts';
import { sendMessage } from './web-socket.ts';

export interface SessionConfig {
  webSocket: WebSocket;
  protocol: ChannelProtocol;
  open: () => Promise<ProcessSession>;
  /** What the caller is told of the end. */
  statusOf: (exit: ProcessExit) => Status;
}

const NORMAL_CLOSURE = 1000;

/** Resolves when the session is over, however it ended. */
export async function serveSession({ webSocket, protocol, open, statusOf }: SessionConfig): Promise<void> {
  // What arrives before the process has started waits in the socket.
  webSocket.pause();
  // A broken connection is closed as well, and that is what is acted upon.
  webSocket.on('error', () => {});
  let status: Status;
  try {
    const session = await open();
    webSocket.once('close', () => session.close());
    if (webSocket.readyState !== webSocket.OPEN) {
      session.close();
    }
    receive(webSocket, protocol, session);
    const [exit] = await Promise.all([
      session.exit,
      sendOutput(webSocket, CHANNEL.stdout, session.stdout),
      sendOutput(webSocket, CHANNEL.stderr, session.stderr),
    ]);
    status = statusOf(exit);
  } catch (error) {
    status = failureStatus(error);
  }
  if (webSocket.readyState === webSocket.OPEN) {
    await sendMessage(webSocket, encodeChannelData(CHANNEL.error, Buffer.from(JSON.stringify(status)))).catch(
      () => {},
    );
    webSocket.close(NORMAL_CLOSURE);
    // The other side's answer to the closing has to be read.
    webSocket.resume();
  }
}

function receive(webSocket: WebSocket, protocol: ChannelProtocol, session: ProcessSession): void {
  const { stdin } = session;
  // A process that does not read its input to the end is not an error.
  stdin?.on('error', () => webSocket.resume());
  webSocket.on('message', (data: Buffer) => {
    const message = decodeChannelMessage(data, protocol);
    if (message?.channel === CHANNEL.stdin && stdin && !stdin.destroyed && !stdin.writableEnded) {
      if (message.kind === 'close') {
        stdin.end();
      } else if (message.payload.length > 0 && !stdin.write(message.payload)) {
        webSocket.pause();
        stdin.once('drain', () => webSocket.resume());
      }
    } else if (message?.channel === CHANNEL.resize && message.kind === 'data') {
      const size = decodeTerminalSize(message.payload);
      if (size) {
        session.resize(size.columns, size.rows);
      }
    }
  });
  webSocket.resume();
}

async function sendOutput(
  webSocket: WebSocket,
  channel: number,
  output: Readable | undefined,
): Promise<void> {
  if (!output) {
    return;
  }
  output.on('data', (chunk: Buffer) => {
    if (webSocket.readyState !== webSocket.OPEN) {
      return;
    }
    output.pause();
    sendMessage(webSocket, encodeChannelData(channel, chunk)).then(
      () => output.resume(),
      // The reader is gone: let the process write into the void until it is hung up.
      () => output.resume(),
    );
  });
  if (!output.readableEnded && !output.destroyed) {
    await once(output, 'close').catch(() => {});
  }
}

function failureStatus(error: unknown): Status {
  const { message } = error as Error;
  return refusalStatus(error instanceof ContainerAccessError ? error.code : 'internal', message);
}
