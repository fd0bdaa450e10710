/** ContainerAccess for tests: containers without walls, their commands run as ordinary child processes. */
import { spawn } from 'node:child_process';
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Pod } from '#api/core/v1.gen.ts';
import {
  type ContainerAccess,
  ContainerAccessError,
  type ContainerRef,
  type ExecOptions,
  type LogOptions,
  type PodRef,
  type ProcessExit,
  type ProcessSession,
  type SessionStreams,
} from '#node/container-access.ts';
import { PseudoTerminal } from '#os/terminal.ts';

export class FakeContainerAccess implements ContainerAccess {
  readonly podsByName: Map<string, Pod> = new Map();
  /** Lines of all containers' logs, without their line feeds. */
  logLines: string[] = [];
  /** What attach() runs. */
  mainCommand: readonly string[] = ['cat'];
  /** What was asked for, in order. */
  readonly calls: unknown[] = [];
  /** Sessions whose caller went away. */
  closed = 0;
  #wake: () => void = () => {};

  /** Adds a line and wakes those who follow. */
  log(line: string): void {
    this.logLines.push(line);
    this.#wake();
  }

  async *logs(container: ContainerRef, options: LogOptions, signal: AbortSignal): AsyncIterable<Buffer> {
    this.calls.push({ logs: container, options });
    this.#require(container);
    const { tailLines = this.logLines.length } = options;
    let next = Math.max(0, this.logLines.length - tailLines);
    while (!signal.aborted) {
      const lines = this.logLines.slice(next);
      next += lines.length;
      if (lines.length > 0) {
        yield Buffer.from(lines.map((line) => `${line}\n`).join(''));
      } else if (options.follow) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      } else {
        return;
      }
    }
  }

  async exec(container: ContainerRef, options: ExecOptions): Promise<ProcessSession> {
    this.calls.push({ exec: container, options });
    this.#require(container);
    return await this.#start(options.command, options);
  }

  async attach(container: ContainerRef, streams: SessionStreams): Promise<ProcessSession> {
    this.calls.push({ attach: container, streams });
    this.#require(container);
    return await this.#start(this.mainCommand, streams);
  }

  portForward(pod: PodRef, port: number, signal: AbortSignal): Promise<Duplex> {
    this.calls.push({ portForward: pod, port });
    return new Promise((resolve, reject) => {
      const socket = createConnection({ host: '127.0.0.1', port, signal, allowHalfOpen: true }, () =>
        resolve(socket),
      );
      socket.once('error', reject);
    });
  }

  pods(): readonly Pod[] {
    return [...this.podsByName.values()];
  }

  #require({ namespace, pod, container }: ContainerRef): void {
    const known = this.podsByName.get(`${namespace}/${pod}`);
    if (!known?.spec?.containers.some(({ name }) => name === container)) {
      throw new ContainerAccessError(
        'notFound',
        `container ${container} not found in pod ${pod}_${namespace}`,
      );
    }
  }

  async #start(command: readonly string[], streams: SessionStreams): Promise<ProcessSession> {
    const session = await (streams.tty ? startOnTerminal(command) : startOnPipes(command, streams));
    const close = () => {
      this.closed++;
      session.close();
    };
    return { ...session, close };
  }
}

async function startOnPipes(
  [program = '', ...args]: readonly string[],
  streams: SessionStreams,
): Promise<ProcessSession> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  await started(child, program);
  if (!streams.stdin) {
    child.stdin.end();
  }
  return {
    stdin: streams.stdin ? child.stdin : undefined,
    stdout: streams.stdout ? child.stdout : undefined,
    stderr: streams.stderr ? child.stderr : undefined,
    resize() {},
    exit: exitOf(child),
    close: () => child.kill('SIGKILL'),
  };
}

async function startOnTerminal(command: readonly string[]): Promise<ProcessSession> {
  const terminal = new PseudoTerminal();
  const side = terminal.terminal;
  // setsid --ctty makes the terminal the program's own, so that it gets SIGWINCH.
  const child = spawn('setsid', ['--ctty', '--wait', ...command], { stdio: [side, side, side] });
  terminal.closeTerminal();
  await started(child, 'setsid');
  return {
    stdin: terminal.master as unknown as Duplex,
    stdout: terminal.master,
    resize: (columns, rows) => terminal.resize(columns, rows),
    exit: exitOf(child),
    close: () => terminal[Symbol.dispose](),
  };
}

function started(child: ReturnType<typeof spawn>, program: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) =>
      reject(
        new ContainerAccessError('internal', `exec: "${program}": executable file not found in $PATH`, {
          cause,
        }),
      ),
    );
  });
}

function exitOf(child: ReturnType<typeof spawn>): Promise<ProcessExit> {
  return new Promise((resolve) => {
    child.once('exit', (exitCode, signal) =>
      resolve(exitCode === null ? { signal: signal ?? 'SIGKILL' } : { exitCode }),
    );
  });
}
