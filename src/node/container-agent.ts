/** One container of a pod through all its lives: launched, probed, ended, waited for, launched again. */
import type { Container, ContainerState, ContainerStatus, Pod } from '#api/core/v1.gen.ts';
import { formatTime } from '#api/machinery/time.ts';
import { pause } from '#kube/errors.ts';
import { runCheck } from './check.ts';
import { startProbes } from './container-probes.ts';
import type { RunnableImage } from './images.ts';
import { InitError } from './init/spawn-init.ts';
import { LaunchError } from './launch-error.ts';
import type { ContainerSnapshot } from './plan-pod-status.ts';
import { formatBackoff, RestartBackoff, restartPolicyOf, shouldRestart } from './plan-restart.ts';
import type { ContainerExit, RunningContainer } from './running-container.ts';
import { stopContainer } from './stop-container.ts';

export interface ContainerAgentOptions {
  container: Container;
  role: 'init' | 'sidecar' | 'main';
  pod: () => Pod;
  address: () => string;
  /** The image, or LaunchError. */
  image: (container: Container) => RunnableImage;
  /** Starts an instance; rejects with LaunchError, or InitError when its program could not be run. */
  launch: (image: RunnableImage, restartCount: number) => Promise<RunningContainer>;
  /** What the program left at terminationMessagePath, or the end of its log. */
  terminationMessage: (exit: ContainerExit, restartCount: number) => string;
  event: (type: 'Normal' | 'Warning', reason: string, message: string) => void;
  /** The snapshot is another one now. */
  onChange: () => void;
  /** From the node's life before. */
  previous: ContainerStatus | undefined;
}

/** While an image is missing, how often the store is looked at again. */
const IMAGE_RETRY_MS = 1000;
const CONFIG_RETRY_MS = 2000;
const START_FAILED_EXIT = 128;

export class ContainerAgent {
  readonly name: string;
  readonly role: ContainerAgentOptions['role'];
  /** The instance that runs now. */
  running: RunningContainer | undefined;
  restartCount = 0;
  readonly #options: ContainerAgentOptions;
  readonly #backoff = new RestartBackoff();
  readonly #stopping = new AbortController();
  readonly #startedOnce = Promise.withResolvers<void>();
  #state: ContainerState;
  #lastState: ContainerState = {};
  #id: string | undefined;
  #image: RunnableImage | undefined;
  #ready = false;
  #started = false;
  #startedMs = 0;
  #stop: Promise<void> | undefined;

  constructor(options: ContainerAgentOptions) {
    this.#options = options;
    this.name = options.container.name;
    this.role = options.role;
    const isFirst = options.pod().spec?.initContainers?.[0] === options.container;
    const waitsForInit = (options.pod().spec?.initContainers?.length ?? 0) > 0 && !isFirst;
    this.#state = { waiting: { reason: waitsForInit ? 'PodInitializing' : 'ContainerCreating' } };
    this.#inherit(options.previous);
  }

  /** Resolves once the container has started (its startup probe included) or will never. */
  get startedOnce(): Promise<void> {
    return this.#startedOnce.promise;
  }

  /** It had run in an earlier life of the node. */
  get hasInherited(): boolean {
    return this.#lastState.terminated !== undefined;
  }

  /** It does not run again: how it ended then is how it ended. */
  settleInherited(): void {
    if (this.#lastState.terminated === undefined) return;
    this.restartCount--;
    const state = this.#lastState;
    this.#lastState = {};
    this.#setState(state);
  }

  snapshot(): ContainerSnapshot {
    const { container, role } = this.#options;
    const isDone = role === 'init' && this.#state.terminated?.exitCode === 0;
    return {
      name: this.name,
      state: this.#state,
      lastState: this.#lastState,
      ready: isDone || this.#ready,
      started: this.#started,
      restartCount: this.restartCount,
      image: this.#image?.reference ?? container.image ?? '',
      imageID: this.#image?.imageId ?? '',
      containerID: this.#id,
      sidecar: role === 'sidecar',
    };
  }

  /** Runs until the container has ended for good; undefined when it never ran. */
  async run(): Promise<ContainerExit | undefined> {
    const { container, pod, role } = this.#options;
    let exit: ContainerExit | undefined;
    const policy = restartPolicyOf(pod(), container, role === 'init');
    const before = this.#lastState.terminated;
    // Init containers prepare volumes, which are new: they run again.
    if (before !== undefined && role !== 'init' && !shouldRestart(policy, before.exitCode)) {
      this.settleInherited();
      this.#startedOnce.resolve();
      return { exitCode: before.exitCode, signal: 0 };
    }
    while (!this.#stopping.signal.aborted) {
      const running = await this.#launch();
      if (running === undefined) break;
      exit = running instanceof InitError ? this.#failedToStart(running) : await this.#supervise(running);
      if (this.#stopping.signal.aborted || !shouldRestart(policy, exit.exitCode)) break;
      await this.#waitToRestart();
    }
    this.#startedOnce.resolve();
    this.#settle();
    return exit;
  }

  /** Ends the container for good: preStop, SIGTERM, after the grace period SIGKILL. Again with less grace: hurries. */
  stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    const { running } = this;
    if (running === undefined) return Promise.resolve();
    if (this.#stop !== undefined) {
      setTimeout(() => running.kill('SIGKILL'), graceMs).unref();
      return this.#stop;
    }
    return this.#end(running, graceMs, `Stopping container ${this.name}`);
  }

  #end(running: RunningContainer, graceMs: number, message: string): Promise<void> {
    const { container, address, event } = this.#options;
    this.#stop ??= stopContainer({ container, running, address: address(), graceMs, event, message });
    return this.#stop;
  }

  /** An instance, the error of one whose program could not be run, or undefined when the wait was ended. */
  async #launch(): Promise<RunningContainer | InitError | undefined> {
    const { container, image, launch, event } = this.#options;
    for (let attempt = 0; ; attempt++) {
      try {
        this.#image = image(container);
        event(
          'Normal',
          'Pulled',
          `Container image ${JSON.stringify(container.image)} already present on machine`,
        );
        return await launch(this.#image, this.restartCount);
      } catch (error) {
        if (error instanceof InitError && error.isExec) return error;
        if (this.#stopping.signal.aborted) return undefined;
        await this.#launchFailed(error as Error, attempt);
        if (this.#stopping.signal.aborted) return undefined;
      }
    }
  }

  async #launchFailed(error: Error, attempt: number): Promise<void> {
    const { container, event } = this.#options;
    const reason = error instanceof LaunchError ? error.reason : 'CreateContainerError';
    const { message } = error;
    const again = attempt > 0 && reason === 'ErrImagePull';
    const image = JSON.stringify(container.image);
    if (again) {
      this.#setState({
        waiting: {
          reason: 'ImagePullBackOff',
          message: `Back-off pulling image ${image}: ErrImagePull: ${message}`,
        },
      });
    } else this.#setState({ waiting: { reason, message } });
    if (reason === 'ErrImagePull' && attempt === 0)
      event('Warning', 'Failed', `Failed to pull image ${image}: ${message}`);
    if (reason === 'ErrImagePull' && attempt === 1)
      event('Normal', 'BackOff', `Back-off pulling image ${image}`);
    if (attempt < 2)
      event(
        'Warning',
        'Failed',
        `Error: ${again ? 'ImagePullBackOff' : reason === 'ErrImagePull' ? reason : message}`,
      );
    await this.#sleep(
      reason === 'ErrImagePull' ? IMAGE_RETRY_MS : CONFIG_RETRY_MS * Math.min(5, attempt + 1),
    );
  }

  async #supervise(running: RunningContainer): Promise<ContainerExit> {
    const { container, event } = this.#options;
    this.running = running;
    this.#stop = undefined;
    this.#id = `portolan://${running.id}`;
    this.#startedMs = Date.now();
    event('Normal', 'Created', `Container created`);
    event('Normal', 'Started', `Container started`);
    this.#setState({ running: { startedAt: formatTime(this.#startedMs) } });
    const over = new AbortController();
    if (container.lifecycle?.postStart) void this.#postStart(running, over.signal);
    else this.#probe(running, over.signal);
    // Stopped while it was being launched: nobody has told it yet.
    if (this.#stopping.signal.aborted) void this.#end(running, 0, `Stopping container ${this.name}`);
    const exit = await running.exited;
    over.abort();
    this.running = undefined;
    this.#ready = false;
    this.#started = false;
    this.#setTerminated(exit);
    return exit;
  }

  #probe(running: RunningContainer, signal: AbortSignal): void {
    const { container, address, event, onChange } = this.#options;
    startProbes({
      container,
      running,
      address: address(),
      signal,
      onStarted: () => {
        this.#started = true;
        this.#startedOnce.resolve();
        onChange();
      },
      onReady: (ready) => {
        this.#ready = ready;
        onChange();
      },
      onUnhealthy: (message) => event('Warning', 'Unhealthy', message),
      onDead: (kind, probe) => {
        const graceSeconds = probe.terminationGracePeriodSeconds ?? this.#graceSeconds();
        void this.#end(
          running,
          graceSeconds * 1000,
          `Container ${this.name} failed ${kind} probe, will be restarted`,
        );
      },
    });
  }

  async #postStart(running: RunningContainer, signal: AbortSignal): Promise<void> {
    const { container, address, event } = this.#options;
    const hook = container.lifecycle?.postStart ?? {};
    if (hook.sleep) await pause(hook.sleep.seconds * 1000, signal).catch(() => undefined);
    else {
      const result = await runCheck(hook, { container, running, address: address() }, 0x7fffffff);
      if (!result.ok && !signal.aborted) {
        event('Warning', 'FailedPostStartHook', `PostStartHook failed: ${result.message}`);
        await this.#end(running, this.#graceSeconds() * 1000, 'FailedPostStartHook');
        return;
      }
    }
    if (!signal.aborted) this.#probe(running, signal);
  }

  #graceSeconds(): number {
    return this.#options.pod().spec?.terminationGracePeriodSeconds ?? 30;
  }

  #failedToStart(error: InitError): ContainerExit {
    const { event } = this.#options;
    this.#startedMs = Date.now();
    event('Warning', 'Failed', `Error: ${error.message}`);
    const now = formatTime(this.#startedMs);
    this.#setState({
      terminated: {
        exitCode: START_FAILED_EXIT,
        reason: 'StartError',
        message: error.message,
        startedAt: now,
        finishedAt: now,
      },
    });
    return { exitCode: START_FAILED_EXIT, signal: 0 };
  }

  #setTerminated(exit: ContainerExit): void {
    const message = this.#options.terminationMessage(exit, this.restartCount);
    this.#setState({
      terminated: {
        exitCode: exit.exitCode,
        ...(exit.signal === 0 ? {} : { signal: exit.signal }),
        reason: exit.exitCode === 0 ? 'Completed' : 'Error',
        ...(message === '' ? {} : { message }),
        startedAt: formatTime(this.#startedMs),
        finishedAt: formatTime(Date.now()),
        ...(this.#id === undefined ? {} : { containerID: this.#id }),
      },
    });
  }

  async #waitToRestart(): Promise<void> {
    const { event, pod } = this.#options;
    const ended = this.#state;
    const waitMs = this.#backoff.next(this.#startedMs, Date.now());
    if (waitMs > 0) {
      const { name, namespace, uid } = pod().metadata ?? {};
      const which = `restarting failed container=${this.name} pod=${name}_${namespace}(${uid})`;
      event(
        'Warning',
        'BackOff',
        `Back-off restarting failed container ${this.name} in pod ${name}_${namespace}(${uid})`,
      );
      this.#lastState = ended;
      this.#setState({
        waiting: { reason: 'CrashLoopBackOff', message: `back-off ${formatBackoff(waitMs)} ${which}` },
      });
      await this.#sleep(waitMs);
    }
    if (this.#stopping.signal.aborted) return;
    this.#lastState = ended;
    this.restartCount++;
  }

  /** Nothing will change any more: a container that waits has ended. */
  #settle(): void {
    this.#ready = false;
    if (this.#state.waiting === undefined) return;
    const last = this.#lastState.terminated;
    const unknown = {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located when the pod was terminated',
    };
    if (this.#stopping.signal.aborted) this.#setState({ terminated: last ?? unknown });
  }

  /** The containers of a node that ended are gone: they count as killed, and as restarted. */
  #inherit(previous: ContainerStatus | undefined): void {
    if (previous?.containerID === undefined) return;
    this.restartCount = previous.restartCount + 1;
    const finishedAt = formatTime(Date.now());
    const killed = { exitCode: 137, reason: 'Error', containerID: previous.containerID, finishedAt };
    this.#lastState = previous.state?.terminated
      ? previous.state
      : { terminated: { ...killed, startedAt: previous.state?.running?.startedAt ?? finishedAt } };
  }

  #setState(state: ContainerState): void {
    this.#state = state;
    this.#options.onChange();
  }

  async #sleep(ms: number): Promise<void> {
    await pause(ms, this.#stopping.signal).catch(() => undefined);
  }
}
