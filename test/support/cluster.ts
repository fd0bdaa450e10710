// A whole cluster for a test: `portolan up --detach` in a data directory of its own, taken down at the end.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The program as users start it in a checkout. */
export const launcher = join(import.meta.dirname, '../../portolan');
let counter = 0;

export interface RunResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface TestCluster extends Disposable {
  readonly name: string;
  readonly dataDir: string;
  readonly kubeconfig: string;
  /** Runs `portolan COMMAND --name … …` and waits for its end. */
  portolan(command: string, ...args: string[]): RunResult;
}

/** Runs a program to its end; none within `limitMs` is a failure of the test. */
export function run(
  program: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; input?: string; limitMs?: number } = {},
): RunResult {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: options.limitMs ?? 60_000,
    env: { ...process.env, ...options.env },
    ...(options.input === undefined ? {} : { input: options.input }),
  });
  if (error) throw new Error(`${program} ${args.join(' ')}: ${error.message}\n${stdout}\n${stderr}`);
  return { status, stdout, stderr };
}

/** Brings a cluster up and returns when it is Ready. */
export function startCluster(...upArgs: string[]): TestCluster {
  counter += 1;
  const name = `test-${process.pid}-${counter}`;
  const dataDir = mkdtempSync(join(tmpdir(), 'portolan-cluster-'));
  const portolan = (command: string, ...args: string[]): RunResult =>
    run(launcher, [command, '--name', name, '--data-dir', dataDir, ...args]);
  const up = portolan('up', '--detach', ...upArgs);
  if (up.status !== 0) {
    rmSync(dataDir, { recursive: true, force: true });
    throw new Error(`portolan up ended with ${up.status}\n${up.stdout}\n${up.stderr}`);
  }
  return {
    name,
    dataDir,
    kubeconfig: join(dataDir, 'kubeconfig'),
    portolan,
    [Symbol.dispose]() {
      portolan('down');
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
