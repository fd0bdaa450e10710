/**
 * What the node's streaming server needs of the runtime: the one seam between "bytes from kubectl" and
 * "processes in namespaces". The node agent implements it, tests have a fake.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Pod } from '#api/core/v1.gen.ts';

export interface PodRef {
  namespace: string;
  name: string;
}

export interface ContainerRef {
  namespace: string;
  pod: string;
  /** Name of a container, init container or ephemeral container of the pod. */
  container: string;
}

/** As in core/v1 PodLogOptions; `sinceTime` is RFC 3339 and excludes `sinceSeconds`. */
export interface LogOptions {
  follow: boolean;
  /** The log of the previous, terminated instance of the container. */
  previous: boolean;
  /** Prefix every line with its RFC 3339 time (nanoseconds) and a space. */
  timestamps: boolean;
  /** Only the last N lines; 0 means none (with `follow`: only what comes from now on). */
  tailLines?: number | undefined;
  sinceSeconds?: number | undefined;
  sinceTime?: string | undefined;
  /** Stop after so many bytes, also in the middle of a line. */
  limitBytes?: number | undefined;
  /** Absent means both, in the order they were written. */
  stream?: 'stdout' | 'stderr' | undefined;
}

/** Which streams the caller wants. With `tty`, stderr is part of stdout and `stderr` is false. */
export interface SessionStreams {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

export interface ExecOptions extends SessionStreams {
  command: readonly string[];
}

/** How a process ended: `signal` is a name of os.constants.signals, such as SIGKILL. */
export type ProcessExit = { exitCode: number } | { signal: string };

/** A running process (exec) or the main process of a container (attach), with its standard streams. */
export interface ProcessSession {
  /** Present if asked for. Ending it is end-of-file for the process. */
  stdin?: Writable | undefined;
  stdout?: Readable | undefined;
  stderr?: Readable | undefined;
  /** Terminal size in characters; without a tty nothing happens. */
  resize(columns: number, rows: number): void;
  /** Resolves when the process has ended (its output may still be in flight until the streams end). */
  exit: Promise<ProcessExit>;
  /** The caller is gone. Of exec: hang up and kill the process; of attach: detach only. Idempotent. */
  close(): void;
}

/** All methods reject with ContainerAccessError where the caller asked for something that is not there. */
export interface ContainerAccess {
  /** Complete or partial lines; ends at the end of the log or, with `follow`, when the container ended or `signal` aborts. */
  logs(container: ContainerRef, options: LogOptions, signal: AbortSignal): AsyncIterable<Buffer>;
  exec(container: ContainerRef, options: ExecOptions): Promise<ProcessSession>;
  attach(container: ContainerRef, streams: SessionStreams): Promise<ProcessSession>;
  /** A TCP connection to the port on the pod's loopback, made inside the pod's network namespace. */
  portForward(pod: PodRef, port: number, signal: AbortSignal): Promise<Duplex>;
  /** The pods of this node with their status as last known. */
  pods(): readonly Pod[];
}

export type ContainerAccessErrorCode = 'notFound' | 'badRequest' | 'notImplemented' | 'internal';

/** A refusal with a message for the person at kubectl; the code becomes the HTTP status. */
export class ContainerAccessError extends Error {
  readonly code: ContainerAccessErrorCode;

  constructor(code: ContainerAccessErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ContainerAccessError';
    this.code = code;
  }
}
