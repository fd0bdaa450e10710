/** What the streaming server may do with this node's containers. */
import type { Duplex } from 'node:stream';
import type { Pod } from '#api/core/v1.gen.ts';
import { dialTcp } from '#os/socket.ts';
import {
  type ContainerAccess,
  ContainerAccessError,
  type ContainerRef,
  type ExecOptions,
  type LogOptions,
  type PodRef,
  type ProcessSession,
  type SessionStreams,
} from './container-access.ts';
import type { PodAgent } from './pod-agent.ts';
import type { RunningContainer } from './running-container.ts';
import { readLog } from './serve-logs.ts';

/** Finds pods by `namespace/name`. */
export interface PodLookup {
  pod(key: string): PodAgent | undefined;
  pods(): readonly Pod[];
}

export class NodeAccess implements ContainerAccess {
  readonly #pods: PodLookup;

  constructor(pods: PodLookup) {
    this.#pods = pods;
  }

  pods(): readonly Pod[] {
    return this.#pods.pods();
  }

  async *logs(ref: ContainerRef, options: LogOptions, signal: AbortSignal): AsyncIterable<Buffer> {
    const agent = this.#agent({ namespace: ref.namespace, name: ref.pod });
    const { container } = ref;
    if (agent.container(container) === undefined) throw noContainer(ref);
    const logs = agent.logs.get(container);
    const log = options.previous ? logs?.previous : logs?.current;
    if (log === undefined) {
      const message = options.previous
        ? `previous terminated container "${container}" in pod "${ref.pod}" not found`
        : `container "${container}" in pod "${ref.pod}" is waiting to start: ContainerCreating`;
      throw new ContainerAccessError('badRequest', message);
    }
    yield* readLog(log, options, signal);
  }

  exec(ref: ContainerRef, options: ExecOptions): Promise<ProcessSession> {
    return this.#running(ref).exec(options);
  }

  async attach(ref: ContainerRef, streams: SessionStreams): Promise<ProcessSession> {
    return this.#running(ref).attach(streams);
  }

  /** On the pod's loopback, IPv4 or else IPv6. */
  async portForward(ref: PodRef, port: number, signal: AbortSignal): Promise<Duplex> {
    const netns = this.#agent(ref).sandbox?.netns;
    try {
      return await dialTcp({ address: '127.0.0.1', port, netns, signal });
    } catch (error) {
      if (signal.aborted) throw error;
      return dialTcp({ address: '::1', port, netns, signal }).catch(() => {
        throw error;
      });
    }
  }

  #agent({ namespace, name }: PodRef): PodAgent {
    const agent = this.#pods.pod(`${namespace}/${name}`);
    if (agent === undefined)
      throw new ContainerAccessError('notFound', `pod "${name}" not found on this node`);
    return agent;
  }

  #running(ref: ContainerRef): RunningContainer {
    const container = this.#agent({ namespace: ref.namespace, name: ref.pod }).container(ref.container);
    if (container === undefined) throw noContainer(ref);
    if (container.running === undefined) {
      throw new ContainerAccessError(
        'badRequest',
        `container ${ref.container} of pod ${ref.pod} is not running`,
      );
    }
    return container.running;
  }
}

const noContainer = ({ container, pod }: ContainerRef): ContainerAccessError =>
  new ContainerAccessError('notFound', `container "${container}" not found in pod "${pod}"`);
