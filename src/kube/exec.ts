/** Runs a command in a container, as kubectl exec does: over a WebSocket with channels. */

import { StatusError } from '#api/machinery/status-error.ts';
import type { Status } from '#api/meta/v1.gen.ts';
import {
  CHANNEL,
  CHANNEL_PROTOCOLS,
  type ChannelProtocol,
  decodeChannelMessage,
} from '#wire/channel-protocol.ts';
import type { ClientConfig } from './client.ts';
import { ConnectionError } from './errors.ts';
import { authorizationOf, tlsOptions } from './http.ts';

export interface ExecRequest {
  readonly namespace: string;
  readonly pod: string;
  /** Default: the pod's first container. */
  readonly container?: string | undefined;
  readonly command: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/**
 * Resolves when the command has ended, whatever its exit code. Rejects with StatusError when the server refuses, with
 * ConnectionError when the connection breaks. The command has no standard input.
 */
export async function execInPod(config: ClientConfig, request: ExecRequest): Promise<ExecResult> {
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(execUrl(config, request), [...CHANNEL_PROTOCOLS], {
    ...tlsOptions(config),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
    headers: authorizationOf(config),
  });
  const { promise, resolve, reject } = Promise.withResolvers<ExecResult>();
  const outputs = new Map<number, Buffer[]>();
  const text = (channel: number): string => Buffer.concat(outputs.get(channel) ?? []).toString();
  socket.on('message', (message: Buffer) => {
    const decoded = decodeChannelMessage(message, socket.protocol as ChannelProtocol);
    if (decoded?.kind !== 'data') return;
    const output = outputs.get(decoded.channel) ?? [];
    output.push(Buffer.from(decoded.payload));
    outputs.set(decoded.channel, output);
  });
  socket.on('error', (cause) =>
    reject(new ConnectionError(`exec in ${request.pod}: ${cause.message}`, cause)),
  );
  socket.on('close', () => {
    try {
      const exitCode = exitCodeOf(text(CHANNEL.error));
      resolve({ stdout: text(CHANNEL.stdout), stderr: text(CHANNEL.stderr), exitCode });
    } catch (error) {
      reject(error);
    }
  });
  return promise;
}

function execUrl(config: ClientConfig, { namespace, pod, container, command }: ExecRequest): URL {
  const url = new URL(config.server.replace(/^http/, 'ws'));
  url.pathname = `${url.pathname.replace(/\/$/, '')}/api/v1/namespaces/${namespace}/pods/${pod}/exec`;
  for (const word of command) url.searchParams.append('command', word);
  url.searchParams.set('stdout', 'true');
  url.searchParams.set('stderr', 'true');
  if (container !== undefined) url.searchParams.set('container', container);
  return url;
}

/** The error channel carries a Status; a command that failed has its exit code among the causes. */
function exitCodeOf(text: string): number {
  if (text === '') throw new ConnectionError('exec: the connection ended before the command did', undefined);
  const status = JSON.parse(text) as Status;
  if (status.status === 'Success') return 0;
  const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode');
  if (cause?.message === undefined) throw new StatusError(status);
  return Number(cause.message);
}
