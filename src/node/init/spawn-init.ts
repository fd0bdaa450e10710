import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';
import { closeFd } from '#os/fd-ledger.ts';
import { type NamespaceSet, withNamespaces } from '#os/namespace.ts';
import { makeMemoryFile } from '#os/pipe.ts';
import { ERROR_FD } from './block.ts';
import { decodeInitReport, encodeInitList, type InitStep } from './init-list.ts';
import { hostArchitecture, initProgram } from './init-program.ts';

/** The init could not do what its list says. */
export class InitError extends Error {
  /** Positive. */
  readonly errno: number;
  readonly purpose: string;

  constructor(purpose: string, errno: number) {
    super(describeFailure(purpose, errno));
    this.name = 'InitError';
    this.errno = errno;
    this.purpose = purpose;
  }

  /** It was the program that could not be run, not the container that could not be made. */
  get isExec(): boolean {
    return this.purpose.startsWith('exec: ');
  }
}

export interface SpawnInitOptions {
  steps: readonly InitStep[];
  /** Descriptors for 0, 1 and 2; `ignore` is /dev/null. They stay the caller's to close. */
  stdio: readonly [number | 'ignore', number | 'ignore', number | 'ignore'];
  /** Handed to the program as the list says; they stay the caller's. */
  sockets?: readonly number[] | undefined;
  namespaces: NamespaceSet;
}

export interface SpawnedInit {
  child: ChildProcess;
  /** Resolves when the program has been executed; rejects with InitError when the list failed. */
  started: Promise<void>;
}

let program: number | undefined;

/** Starts the container init in other namespaces with its list; synchronous up to the fork. */
export function spawnInit({ steps, stdio, sockets = [], namespaces }: SpawnInitOptions): SpawnedInit {
  const architecture = hostArchitecture();
  program ??= makeMemoryFile('portolan-init', initProgram(architecture));
  const path = `/proc/self/fd/${program}`;
  const block = makeMemoryFile('portolan-init-list', encodeInitList(steps, architecture));
  try {
    const child = withNamespaces(namespaces, () =>
      spawn(path, [], { argv0: 'container', env: {}, stdio: [...stdio, block, 'pipe', ...sockets] }),
    );
    return { child, started: awaitStart(child, steps) };
  } finally {
    closeFd(block);
  }
}

function awaitStart(child: ChildProcess, steps: readonly InitStep[]): Promise<void> {
  const report = child.stdio[ERROR_FD] as Readable;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const chunks: Buffer[] = [];
  child.once('error', reject);
  report.on('data', (chunk: Buffer) => chunks.push(chunk));
  report.once('close', () => {
    const failure = decodeInitReport(Buffer.concat(chunks));
    if (failure === null) resolve();
    else reject(new InitError(steps[failure.index]?.purpose ?? 'unknown step', failure.errno));
  });
  return promise;
}

/** As container engines word it, so that people find it. */
function describeFailure(purpose: string, errno: number): string {
  const name = getSystemErrorName(-errno);
  if (!purpose.startsWith('exec: ')) return `${purpose}: ${name}: ${getSystemErrorMessage(-errno)}`;
  if (name !== 'ENOENT') return `${purpose}: ${getSystemErrorMessage(-errno)}`;
  return purpose.includes('/')
    ? `${purpose}: stat ${purpose.slice('exec: "'.length, -1)}: no such file or directory`
    : `${purpose}: executable file not found in $PATH`;
}
