/** Sessions as the streaming server wants them: a process of exec, or the streams of a container's main process. */
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { PassThrough } from 'node:stream';
import type { NamespaceSet } from '#os/namespace.ts';
import {
  ContainerAccessError,
  type ProcessExit,
  type ProcessSession,
  type SessionStreams,
} from './container-access.ts';
import type { ContainerLog, LogStream } from './container-log.ts';
import type { InitStep } from './init/init-list.ts';
import { InitError, type SpawnedInit, spawnInit } from './init/spawn-init.ts';
import { openStreams, type ProcessStreams } from './process-streams.ts';
import type { ContainerExit } from './running-container.ts';

/** Resolves when the process has ended. */
export function exitOf(child: ChildProcess): Promise<ContainerExit> {
  const { promise, resolve } = Promise.withResolvers<ContainerExit>();
  child.once('error', () => resolve({ exitCode: 128, signal: 0 }));
  child.once('exit', (code, name) => {
    const signal = name === null ? 0 : constants.signals[name];
    resolve({ exitCode: code ?? 128 + signal, signal });
  });
  return promise;
}

/** Runs a list whose last step is the program, a terminal being of the container with that root; rejects with ContainerAccessError when it could not be run. */
export async function execSession(
  steps: readonly InitStep[],
  wanted: SessionStreams,
  namespaces: NamespaceSet,
  root?: string,
): Promise<ProcessSession> {
  const streams = openStreams(wanted, root);
  let spawned: SpawnedInit;
  try {
    spawned = spawnInit({ steps, stdio: streams.stdio, namespaces });
  } catch (error) {
    streams.close();
    throw error;
  } finally {
    streams.spawned();
  }
  const { child } = spawned;
  const exit = exitOf(child);
  try {
    await spawned.started;
  } catch (cause) {
    streams.close();
    if (!(cause instanceof InitError)) throw cause;
    throw new ContainerAccessError('internal', `failed to exec in container: ${cause.message}`, { cause });
  }
  return {
    stdin: streams.stdin,
    stdout: streams.stdout,
    stderr: streams.stderr,
    resize: streams.resize,
    exit: exit.then(
      ({ exitCode, signal }): ProcessExit => (signal === 0 ? { exitCode } : { signal: signalName(signal) }),
    ),
    close: () => {
      streams.close();
      hangUp(child);
    },
  };
}

/** The session leader and all that is still in its session's group. */
function hangUp(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill('SIGHUP');
  const { pid } = child;
  setTimeout(() => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // The group is gone already.
    }
  }, 1000).unref();
}

function signalName(signal: number): string {
  const found = Object.entries(constants.signals).find(([, number]) => number === signal);
  return found?.[0] ?? `signal ${signal}`;
}

/** Copies of the output from now on, and the input; closing leaves the process alone. */
export function attachSession(
  log: ContainerLog,
  streams: ProcessStreams,
  wanted: SessionStreams,
  exited: Promise<ContainerExit>,
): ProcessSession {
  const stdout = wanted.stdout ? new PassThrough() : undefined;
  const stderr = wanted.stderr ? new PassThrough() : undefined;
  const copy = (stream: LogStream, chunk: Buffer): void => {
    const target = stream === 'stdout' ? stdout : stderr;
    if (target?.writable === true) target.write(chunk);
  };
  log.onOutput.add(copy);
  const detach = (): void => {
    log.onOutput.delete(copy);
    stdout?.end();
    stderr?.end();
  };
  void exited.then(detach);
  return {
    stdin: wanted.stdin ? streams.stdin : undefined,
    stdout,
    stderr,
    resize: streams.resize,
    exit: exited.then(({ exitCode }) => ({ exitCode })),
    close: detach,
  };
}
