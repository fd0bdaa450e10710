/** Containers without a process: the node itself serves their sockets. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import type { ExecOptions, ProcessSession, SessionStreams } from './container-access.ts';
import { ContainerAccessError } from './container-access.ts';
import type { ContainerLog } from './container-log.ts';
import type { LightImage } from './images.ts';
import { type EchoIdentity, EchoUsageError, planEchoPorts } from './plan-echo.ts';
import type { ContainerExit, RunningContainer } from './running-container.ts';
import { EchoServer } from './serve-echo.ts';

export interface LightContainerOptions {
  image: LightImage;
  /** What follows the entrypoint. */
  args: readonly string[];
  environment: ReadonlyMap<string, string>;
  identity: EchoIdentity;
  netns: number | undefined;
  families: readonly (4 | 6)[];
  log: ContainerLog;
  /** Starts a process of the host image in the pod's namespaces. */
  exec: (options: ExecOptions) => Promise<ProcessSession>;
}

/** Starts at once; a bad argument or a taken port ends it at once, as it would end a process. */
export function startLightContainer(options: LightContainerOptions): RunningContainer {
  return new LightContainer(options);
}

class LightContainer implements RunningContainer {
  readonly id: string = randomBytes(32).toString('hex');
  readonly exited: Promise<ContainerExit>;
  readonly log: ContainerLog;
  readonly #options: LightContainerOptions;
  readonly #end: (exit: ContainerExit) => void;
  #server: EchoServer | undefined;

  constructor(options: LightContainerOptions) {
    this.#options = options;
    this.log = options.log;
    const { promise, resolve } = Promise.withResolvers<ContainerExit>();
    this.exited = promise;
    this.#end = (exit) => {
      this.#server?.[Symbol.dispose]();
      this.log[Symbol.dispose]();
      resolve(exit);
    };
    if (options.image.program === 'echo') this.#serve();
  }

  #serve(): void {
    const { args, environment, identity, netns, families, log } = this.#options;
    try {
      const ports = planEchoPorts(args, environment);
      this.#server = new EchoServer({ ports, identity, netns, families });
      const said = Object.entries(ports).flatMap(([kind, list]) =>
        (list as number[]).map((port) => `${kind} ${port}`),
      );
      log.write('stdout', Buffer.from(`echo: listening on ${said.join(', ')}\n`));
    } catch (error) {
      log.write('stderr', Buffer.from(`${(error as Error).message}\n`));
      this.#end({ exitCode: error instanceof EchoUsageError ? 2 : 1, signal: 0 });
    }
  }

  /** SIGTERM and SIGINT end it well, SIGKILL as a process would be. */
  kill(signal: NodeJS.Signals): void {
    const number = constants.signals[signal];
    if (signal === 'SIGKILL') this.#end({ exitCode: 128 + number, signal: number });
    else if (signal === 'SIGTERM' || signal === 'SIGINT' || signal === 'SIGQUIT')
      this.#end({ exitCode: 0, signal: 0 });
  }

  exec(options: ExecOptions): Promise<ProcessSession> {
    return this.#options.exec(options);
  }

  attach(_streams: SessionStreams): ProcessSession {
    throw new ContainerAccessError(
      'notImplemented',
      `${this.#options.image.reference} has no process to attach to`,
    );
  }
}
