import type { ExecOptions, ProcessSession, SessionStreams } from './container-access.ts';
import type { ContainerLog } from './container-log.ts';

/** How a container's main process ended. */
export interface ContainerExit {
  /** 128 + signal number when a signal ended it. */
  exitCode: number;
  /** The signal's number, 0 for none. */
  signal: number;
}

/** A container that runs, be it a process or a light one. */
export interface RunningContainer {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly exited: Promise<ContainerExit>;
  readonly log: ContainerLog;
  /** Sends a signal; nothing happens when it has ended. */
  kill(signal: NodeJS.Signals): void;
  /** Another process in the container's namespaces and files. */
  exec(options: ExecOptions): Promise<ProcessSession>;
  /** Joins the streams of the main process. */
  attach(streams: SessionStreams): ProcessSession;
}
