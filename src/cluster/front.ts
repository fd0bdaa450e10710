import type { Duplex } from 'node:stream';
import type { ApplyItem } from './apply-objects.ts';
import type { ClusterConfig } from './config.ts';
import type { ClusterStatus } from './status.ts';

/** Descriptor on which a supervisor finds the socket to whoever started it. */
export const FRONT_FD = 3;

/** What `portolan up` says to the supervisor that it started. */
export type FrontRequest =
  | {
      readonly kind: 'start';
      readonly config: ClusterConfig;
      readonly hostPid: number;
      readonly items: readonly ApplyItem[];
    }
  /** The cluster goes on when this connection ends; until then its end is the end of the cluster. */
  | { readonly kind: 'detach' }
  | { readonly kind: 'down' };

/** What the supervisor says. */
export type FrontEvent =
  /** It runs, as process 1 of its own namespace. */
  | { readonly kind: 'hello' }
  | { readonly kind: 'progress'; readonly step: string; readonly done: boolean }
  | { readonly kind: 'ready'; readonly status: ClusterStatus }
  /** Something of it has changed since `ready`. */
  | { readonly kind: 'status'; readonly status: ClusterStatus }
  /** It ends because somebody wanted it to. */
  | { readonly kind: 'ending' }
  | { readonly kind: 'failed'; readonly message: string };

/** One JSON value a line, both ways. */
export interface Front<Incoming, Outgoing> {
  send(message: Outgoing): void;
  /** Ends when the other side is gone. */
  readonly incoming: AsyncGenerator<Incoming, undefined>;
  close(): void;
}

/** Speaks over a connected socket; a side that has gone away is no error but the end of `incoming`. */
export function openFront<Incoming, Outgoing>(socket: Duplex): Front<Incoming, Outgoing> {
  socket.on('error', () => socket.destroy());
  return {
    send(message) {
      if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
    },
    incoming: readLines<Incoming>(socket),
    close() {
      socket.end();
    },
  };
}

async function* readLines<T>(socket: Duplex): AsyncGenerator<T, undefined> {
  let pending = '';
  try {
    for await (const chunk of socket.setEncoding('utf8')) {
      const lines = (pending + String(chunk)).split('\n');
      pending = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line) as T;
    }
  } catch (error) {
    if ((error as { code?: unknown }).code === undefined) throw error;
  }
  return undefined;
}
