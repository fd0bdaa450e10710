/** One pod of this node from its arrival to its end. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Container, ContainerStatus, Pod } from '#api/core/v1.gen.ts';
import { formatTime } from '#api/machinery/time.ts';
import { isAborted, pause } from '#kube/errors.ts';
import type { NamespaceSet } from '#os/namespace.ts';
import { applyPodFiles } from './apply-pod-files.ts';
import { chooseImage } from './choose-image.ts';
import { ContainerAgent } from './container-agent.ts';
import { ContainerLog } from './container-log.ts';
import { type NodeContext, podKey } from './context.ts';
import { execInHostImage } from './host-exec.ts';
import { PodSockets } from './kept-sockets.ts';
import { launchContainer, type PodParts, readTerminationMessage } from './launch-container.ts';
import { RESOLV_CONF, readNodeResolver } from './node-resolver.ts';
import { PausedPidNamespace } from './pause-process.ts';
import { planRefusal } from './plan-admission.ts';
import { planHostPorts } from './plan-host-ports.ts';
import { type PodNames, planHostname } from './plan-hostname.ts';
import { planKeptSockets } from './plan-kept-sockets.ts';
import { type DnsPlan, planPodDns } from './plan-pod-dns.ts';
import { planPodFiles } from './plan-pod-files.ts';
import type { PodSnapshot } from './plan-pod-status.ts';
import type { ResolvConf } from './plan-resolv-conf.ts';
import { Sandbox } from './sandbox.ts';
import { PodVolumes } from './volumes.ts';

const SANDBOX_RETRY_MS = 1000;
const MAX_SANDBOX_RETRY_MS = 60_000;
const DEFAULT_GRACE_SECONDS = 30;
/** Of a pod whose object is gone: nobody asked for more. */
const ORPHAN_GRACE_MS = 1000;

export class PodAgent {
  /** As last seen; newer versions come by update(). */
  pod: Pod;
  readonly uid: string;
  /** Ended in an earlier life of the node: nothing to run, nothing to report. */
  readonly wasDone: boolean;
  readonly logs = new Map<string, { current: ContainerLog; previous: ContainerLog | undefined }>();
  readonly #context: NodeContext;
  readonly #onChange: () => void;
  readonly #directory: string;
  readonly #startTime: string;
  readonly #agents = new Map<string, ContainerAgent>();
  readonly #sockets = new PodSockets();
  readonly #stopping = new AbortController();
  readonly #volumes: PodVolumes;
  #podIps: readonly string[] = [];
  /** As it was when the sandbox was made: the file of a running pod does not change. */
  #resolvConf: ResolvConf = { nameservers: [], searches: [], options: [] };
  #sandbox: Sandbox | undefined;
  #pause: PausedPidNamespace | undefined;
  #failure: PodSnapshot['failure'];
  #ended = false;
  #stopRequestedMs: number | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(pod: Pod, context: NodeContext, onChange: () => void) {
    this.pod = pod;
    this.uid = pod.metadata?.uid ?? '';
    this.wasDone = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    this.#context = context;
    this.#onChange = this.wasDone ? () => undefined : onChange;
    this.#directory = join(context.config.dataDir, 'pods', this.uid);
    this.#startTime = pod.status?.startTime ?? formatTime(Date.now());
    this.#volumes = new PodVolumes(pod, context, join(this.#directory, 'volumes'), () => this.#podIps);
    this.#makeAgents();
  }

  /** Everything has ended: the status is final. */
  get ended(): boolean {
    return this.#ended;
  }

  get sandbox(): Sandbox | undefined {
    return this.#sandbox;
  }

  container(name: string): ContainerAgent | undefined {
    return this.#agents.get(name);
  }

  snapshot(): PodSnapshot {
    const snapshots = [...this.#agents.values()].map((agent) => ({ agent, snapshot: agent.snapshot() }));
    return {
      init: snapshots.filter(({ agent }) => agent.role !== 'main').map(({ snapshot }) => snapshot),
      containers: snapshots.filter(({ agent }) => agent.role === 'main').map(({ snapshot }) => snapshot),
      podIps: this.#podIps,
      hostIps: this.#context.config.addresses,
      sandboxReady: this.#sandbox !== undefined,
      startTime: this.#startTime,
      failure: this.#failure,
      ended: this.#ended,
    };
  }

  /** A newer version of the object; one marked for deletion stops the pod. */
  update(pod: Pod): void {
    this.pod = pod;
    this.#volumes.podChanged(pod);
    if (pod.metadata?.deletionTimestamp === undefined) return;
    this.stop((pod.metadata.deletionGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS) * 1000);
  }

  /** The object is gone without waiting for us. */
  orphaned(): void {
    this.stop(ORPHAN_GRACE_MS);
  }

  /** Runs the pod to its end; never rejects. */
  async run(): Promise<void> {
    try {
      if (!this.wasDone && !this.#stopping.signal.aborted) await this.#live();
    } catch (error) {
      if (!this.#stopping.signal.aborted && !isAborted(error)) this.#context.config.onError?.(error as Error);
    } finally {
      clearTimeout(this.#deadline);
      await this.#stopContainers();
      this.#tearDown();
    }
  }

  /** Ends all containers within the time; again with less time: hurries. */
  stop(graceMs: number): void {
    if (this.#stopRequestedMs !== undefined && graceMs >= this.#stopRequestedMs) return;
    this.#stopRequestedMs = graceMs;
    this.#stopping.abort();
    void this.#stopContainers();
  }

  async #live(): Promise<void> {
    if (this.#mayNotRunAgain() || this.#isRefused()) return;
    this.#armDeadline();
    await this.#makeSandbox();
    this.#onChange();
    if (await this.#runInitContainers()) {
      const mains = [...this.#agents.values()].filter(({ role }) => role === 'main');
      await Promise.all(mains.map((agent) => agent.run()));
    }
  }

  /** Fails with an event, as from kubelet. */
  #isRefused(): boolean {
    const refusal = planRefusal(this.pod);
    if (refusal === undefined) return false;
    const { reason, message } = refusal;
    this.#context.event(this.pod, 'Warning', reason, message);
    this.#failure = { reason, message: `Pod was rejected: ${message}` };
    return true;
  }

  /** With restartPolicy Never, what the node's earlier life began has ended with it. */
  #mayNotRunAgain(): boolean {
    if (this.pod.spec?.restartPolicy !== 'Never') return false;
    const agents = [...this.#agents.values()];
    if (!agents.some((agent) => agent.role === 'main' && agent.hasInherited)) return false;
    for (const agent of agents) agent.settleInherited();
    return true;
  }

  /** In order; false when one failed for good or the pod is being stopped. */
  async #runInitContainers(): Promise<boolean> {
    for (const agent of this.#agents.values()) {
      if (this.#stopping.signal.aborted) return false;
      if (agent.role === 'sidecar') {
        void agent.run();
        await agent.startedOnce;
      } else if (agent.role === 'init') {
        const exit = await agent.run();
        if (exit?.exitCode !== 0) return false;
      }
    }
    return !this.#stopping.signal.aborted;
  }

  async #makeSandbox(): Promise<void> {
    const hostNetwork = this.pod.spec?.hostNetwork === true;
    const { context, sysctls } = {
      context: this.#context,
      sysctls: this.pod.spec?.securityContext?.sysctls ?? [],
    };
    for (let delayMs = SANDBOX_RETRY_MS; ; delayMs = Math.min(delayMs * 2, MAX_SANDBOX_RETRY_MS)) {
      this.#stopping.signal.throwIfAborted();
      // A thousand pods at once: let the node answer in between.
      await new Promise((resolve) => setImmediate(resolve));
      const podIps = hostNetwork ? [] : context.addresses.allocate();
      try {
        const { conf, events } = this.#planDns();
        this.#sandbox = new Sandbox({
          podUid: this.uid,
          hostname: this.#names().hostname,
          podIps,
          nodeIps: context.config.addresses,
          sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [name.replaceAll('.', '/'), value])),
          rtnetlink: context.rtnetlink,
          hostPorts: { ports: planHostPorts(this.pod, podIps), table: context.hostPorts },
        });
        this.#podIps = hostNetwork ? context.config.addresses : podIps;
        this.#resolvConf = conf;
        this.#tellDnsEvents(events);
        return;
      } catch (error) {
        context.addresses.release(podIps);
        const message = `Failed to create pod sandbox: ${(error as Error).message}`;
        context.event(this.pod, 'Warning', 'FailedCreatePodSandBox', message);
        await pause(delayMs, this.#stopping.signal);
      }
    }
  }

  #makeAgents(): void {
    const { initContainers = [], containers = [] } = this.pod.spec ?? {};
    const statuses = [
      ...(this.pod.status?.initContainerStatuses ?? []),
      ...(this.pod.status?.containerStatuses ?? []),
    ];
    const add = (container: Container, role: ContainerAgent['role']): void => {
      const previous = statuses.find(({ name }) => name === container.name);
      this.#agents.set(container.name, this.#makeAgent(container, role, previous));
    };
    for (const container of initContainers)
      add(container, container.restartPolicy === 'Always' ? 'sidecar' : 'init');
    for (const container of containers) add(container, 'main');
  }

  #makeAgent(
    container: Container,
    role: ContainerAgent['role'],
    previous: ContainerStatus | undefined,
  ): ContainerAgent {
    const list = role === 'main' ? 'containers' : 'initContainers';
    const fieldPath = `spec.${list}{${container.name}}`;
    return new ContainerAgent({
      container,
      role,
      previous,
      pod: () => this.pod,
      address: () => this.#podIps[0] ?? '127.0.0.1',
      image: () => chooseImage(container, this.#context.images),
      launch: async (image, restartCount) => {
        const log = this.#openLog(container.name, restartCount);
        const parts = this.#parts();
        const running = await launchContainer({ parts, container, image, restartCount, log });
        this.#sockets.follow(container.name, running, parts);
        return running;
      },
      terminationMessage: ({ exitCode }) =>
        readTerminationMessage(this.#directory, container, exitCode, this.logs.get(container.name)?.current),
      event: (type, reason, message) => this.#context.event(this.pod, type, reason, message, fieldPath),
      onChange: () => {
        if (this.#agents.get(container.name)?.snapshot().ready) this.#sockets.served(container.name);
        this.#onChange();
      },
    });
  }

  #names(): PodNames {
    const { clusterDomain, nodeName } = this.#context.config;
    return planHostname(this.pod, clusterDomain, nodeName);
  }

  #openLog(container: string, restartCount: number): ContainerLog {
    const { namespace, name } = this.pod.metadata ?? {};
    const directory = join(
      this.#context.config.dataDir,
      'logs',
      `${namespace}_${name}_${this.uid}`,
      container,
    );
    const log = new ContainerLog(join(directory, `${restartCount}.log`));
    const before = this.logs.get(container);
    if (before?.previous) rmSync(before.previous.file, { force: true });
    this.logs.set(container, { current: log, previous: before?.current });
    return log;
  }

  #parts(): PodParts {
    const names = this.#names();
    return {
      pod: this.pod,
      context: this.#context,
      podIps: this.#podIps,
      hostname: names.hostname,
      netns: this.#sandbox?.netns,
      namespaces: () => this.processNamespaces(names),
      volumes: this.#volumes,
      keptSockets: (container) => {
        const plan = () => planKeptSockets(this.pod, container, this.#podIps);
        return this.#sockets.of(container.name, plan, this.#sandbox?.netns);
      },
      directory: this.#directory,
      execInHostImage: (options) => execInHostImage(this.#parts(), options),
      signal: this.#stopping.signal,
    };
  }

  /** The namespaces that the pod's processes join, and the files every one of them sees. */
  async processNamespaces(names: PodNames): Promise<NamespaceSet> {
    if (this.#sandbox === undefined) throw new Error(`pod ${podKey(this.pod)} has no sandbox`);
    this.#writePodFiles(names);
    const namespaces = this.#sandbox.namespaces();
    if (this.pod.spec?.shareProcessNamespace !== true) return namespaces;
    const paused = (this.#pause ??= new PausedPidNamespace(namespaces));
    await paused.ready;
    return { ...namespaces, pid: paused.fd };
  }

  /** For whoever wants a shell in the pod; undefined before and after its life. */
  enterable(): { net: number; uts: number; ipc: number } | undefined {
    const { net, uts, ipc } = this.#sandbox?.namespaces() ?? {};
    return net === undefined || uts === undefined || ipc === undefined ? undefined : { net, uts, ipc };
  }

  #writePodFiles(names: PodNames): void {
    const [podIps, resolvConf, nodeHosts] = [this.#podIps, this.#resolvConf, this.#context.nodeHosts];
    applyPodFiles(this.#directory, planPodFiles(this.pod, { names, podIps, resolvConf, nodeHosts }));
  }

  #planDns(): DnsPlan {
    const { addresses, clusterDns, clusterDomain, resolvConf = RESOLV_CONF } = this.#context.config;
    const host = readNodeResolver(resolvConf);
    return planPodDns(this.pod, { clusterDns, clusterDomain, host, nodeIps: addresses });
  }

  #tellDnsEvents(events: DnsPlan['events']): void {
    for (const { reason, message, nodeMessage } of events) {
      this.#context.event(this.pod, 'Warning', reason, message);
      if (nodeMessage !== undefined) this.#context.warnOfNode(reason, nodeMessage);
    }
  }

  #armDeadline(): void {
    const seconds = this.pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined) return;
    const leftMs = Date.parse(this.#startTime) + seconds * 1000 - Date.now();
    this.#deadline = setTimeout(
      () => {
        this.#failure = {
          reason: 'DeadlineExceeded',
          message: 'Pod was active on the node longer than the specified deadline',
        };
        this.#context.event(
          this.pod,
          'Normal',
          'DeadlineExceeded',
          'Pod was active on the node longer than the specified deadline',
        );
        this.stop((this.pod.spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS) * 1000);
      },
      Math.max(0, Math.min(leftMs, 0x7fffffff)),
    );
  }

  /** The main ones together, then sidecars from the last to the first. */
  async #stopContainers(): Promise<void> {
    const graceMs =
      this.#stopRequestedMs ?? (this.pod.spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS) * 1000;
    const agents = [...this.#agents.values()];
    await Promise.all(agents.filter(({ role }) => role !== 'sidecar').map((agent) => agent.stop(graceMs)));
    for (const agent of agents.filter(({ role }) => role === 'sidecar').reverse()) await agent.stop(graceMs);
  }

  /** Last comes first. Each goes, also when another resists, as a volume does that somebody still writes to. */
  #tearDown(): void {
    const parts = new DisposableStack();
    parts.defer(() => rmSync(this.#directory, { recursive: true, force: true }));
    if (this.pod.spec?.hostNetwork !== true) parts.defer(() => this.#context.addresses.release(this.#podIps));
    parts.use(this.#sandbox);
    parts.use(this.#sockets);
    parts.use(this.#pause);
    parts.defer(() => this.#volumes.close());
    try {
      parts.dispose();
    } catch (cause) {
      const error = new Error(`what pod ${podKey(this.pod)} had did not all go`, { cause });
      this.#context.config.onError?.(error);
    }
    this.#sandbox = undefined;
    this.#ended = true;
    this.#onChange();
  }

  /** The object is gone: so are the logs. */
  removeLogs(): void {
    const { namespace, name } = this.pod.metadata ?? {};
    rmSync(join(this.#context.config.dataDir, 'logs', `${namespace}_${name}_${this.uid}`), {
      recursive: true,
      force: true,
    });
  }
}
