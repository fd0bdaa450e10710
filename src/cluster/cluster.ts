import { once } from 'node:events';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { addonItems } from './addons.ts';
import type { ApplyItem } from './apply-objects.ts';
import type { Caller, Calls } from './calls.ts';
import { clientOf, writeKubeconfig } from './cluster-access.ts';
import { describeCluster } from './cluster-status.ts';
import { type ClusterConfig, ClusterError } from './config.ts';
import { enterTarget } from './enter.ts';
import type { WorkerEntry } from './entries.ts';
import { Gateway } from './gateway.ts';
import { openHostSocket } from './host-ports.ts';
import { KeptThread } from './kept-thread.ts';
import type {
  ApiserverCalls,
  ControllersCalls,
  ControllersStart,
  FabricCalls,
  NodeStart,
} from './messages.ts';
import { nodeLocalDnsItems } from './node-local-dns.ts';
import { NodeThread } from './node-threads.ts';
import { PartLog } from './part-log.ts';
import { type ClusterPki, openClusterPki } from './pki.ts';
import { type AddressPlan, apiServerAddresses, type NodePlan, planAddresses } from './plan-addresses.ts';
import type { ReservedState } from './reserve-state.ts';
import type { ClusterStatus, EnterTarget, PublishedPort, Trouble } from './status.ts';
import { startThread, type Thread } from './thread.ts';
import type { ThreadCalls } from './thread-side.ts';
import { traceStart } from './trace-start.ts';

/** Port of the API server inside of the cluster. */
const API_PORT = 6443;
const DNS_POLL_MS = 10;
const DNS_TIMEOUT_MS = 100;
/** The part of the time waited so far by which an answer may be late. */
const DNS_PATIENCE = 20;
const READY_TIMEOUT_MS = 120_000;
const PROBE_NAME = 'kubernetes.default.svc.cluster.local';

export interface ClusterOptions {
  /** Of this process, as the host sees it. */
  readonly hostPid: number;
  readonly onProgress: (step: string, done: boolean) => void;
  /** A part ended that nothing can replace. */
  readonly onBroken: (error: ClusterError) => void;
  /** What `status()` tells may have changed. */
  readonly onChange: () => void;
}

/** The threads of a cluster, and what they need of each other. Ends with everything when disposed. */
export class Cluster implements AsyncDisposable {
  readonly plan: AddressPlan;
  readonly nodes: readonly NodeThread[];
  readonly startedAt = new Date();
  readonly config: ClusterConfig;
  readonly state: ReservedState;
  readonly hostPid: number;
  phase: ClusterStatus['phase'] = 'starting';
  published: readonly PublishedPort[] = [];
  trouble: Trouble | undefined;
  readonly controllers: KeptThread<ControllersCalls & Calls>;
  readonly #options: ClusterOptions;
  readonly #fabric: Thread<FabricCalls & Calls>;
  readonly #apiserver: Thread<ApiserverCalls & Calls>;
  readonly #pki: Promise<ClusterPki>;
  readonly #fabricStarted: Promise<void>;
  readonly #apiserverStarted: Promise<void>;
  readonly #gateway = new Gateway();
  readonly #openSteps = new Set<string>();

  constructor(config: ClusterConfig, state: ReservedState, options: ClusterOptions) {
    this.config = config;
    this.state = state;
    this.hostPid = options.hostPid;
    this.#options = options;
    const { ipFamily, loopbackNet } = state.settings;
    this.plan = planAddresses({ ...config, ipFamily, loopbackNet });
    // Threads load their code while the certificates are read; each waits for its own start call.
    this.#apiserver = this.#startPart('apiserver', 'apiserver-worker');
    this.#fabric = this.#startPart('fabric', 'fabric-worker', {
      openHostSocket,
      published: ({ ports }: { ports: readonly PublishedPort[] }) => {
        this.published = ports;
        options.onChange();
      },
    });
    this.#pki = this.#openPki();
    this.#fabricStarted = this.#startFabric();
    this.#apiserverStarted = this.#startApiserver();
    // Whoever needs them asks later, and is told then.
    for (const started of [this.#pki, this.#fabricStarted, this.#apiserverStarted])
      started.catch(() => undefined);
    this.nodes = this.plan.nodes.map((plan) => this.#startNode(plan));
    this.controllers = this.#startControllers();
  }

  /** Resolves when every node is Ready, cluster DNS answers, and `items` are stored. */
  async bringUp(items: readonly ApplyItem[]): Promise<void> {
    const late = AbortSignal.timeout(READY_TIMEOUT_MS);
    await Promise.race([this.#bringUp(items), once(late, 'abort')]);
    if (this.phase === 'ready') return;
    const waiting = [...this.#openSteps].join(', ');
    const why = this.#openSteps.has('DNS') ? await this.#dnsTrouble() : undefined;
    throw new ClusterError(
      `not ready after ${READY_TIMEOUT_MS / 1000} s, waiting for ${waiting}: ${why ?? 'see portolan logs'}`,
    );
  }

  /** Most likely an edited Corefile, which is kept with the other objects. */
  async #dnsTrouble(): Promise<string | undefined> {
    const said = await this.controllers.calls.call('dnsTrouble', undefined).catch(() => undefined);
    const hint = 'kubectl -n kube-system edit configmap coredns, while portolan up waits, sets it right';
    return said === undefined ? undefined : `${said} (${hint})`;
  }

  async #bringUp(items: readonly ApplyItem[]): Promise<void> {
    await this.#step('API server', this.#apiserverStarted);
    const pki = await this.#pki;
    writeKubeconfig(this.state, pki);
    const names = this.plan.nodes.map(({ name }) => name);
    const { calls } = this.controllers;
    await Promise.all([
      this.#step('addons', this.#applyAddons()),
      calls.call('keepNodes', { names }),
      this.#step('node threads', Promise.all(this.nodes.map(({ started }) => started))),
    ]);
    await Promise.all([
      this.#step('controllers', this.controllers.started),
      this.#step('manifests', calls.call('apply', { items })),
      this.#step('nodes', calls.call('nodesReady', { names })),
      this.#step('DNS', this.#dnsAnswers()),
      this.#publish(pki),
    ]);
    this.phase = 'ready';
    this.#flushCompileCaches().catch(() => undefined);
  }

  status(): ClusterStatus {
    return describeCluster(this);
  }

  async enter(target: string): Promise<EnterTarget> {
    const { outside } = await this.#fabric.calls.call('namespaces', undefined);
    return enterTarget(target, this.hostPid, outside, this.nodes);
  }

  /** Ends a part's thread as a failure would. */
  async killPart(name: string): Promise<void> {
    const parts: Readonly<Record<string, { kill(): Promise<void> }>> = {
      apiserver: this.#apiserver,
      fabric: this.#fabric,
      controllers: this.controllers,
      ...Object.fromEntries(this.nodes.map((node) => [node.plan.name, node])),
    };
    const part = parts[name];
    if (part === undefined) throw new Error(`there is no part ${name}: ${Object.keys(parts).join(', ')}`);
    await part.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.phase = 'stopping';
    this.#gateway[Symbol.dispose]();
    // Clients first, so that none of them complains of a server that is gone.
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
    await this.controllers[Symbol.asyncDispose]();
    await this.#apiserver[Symbol.asyncDispose]();
    await this.#fabric[Symbol.asyncDispose]();
  }

  #startPart<C extends Calls>(name: string, entry: WorkerEntry, handlers: Calls = {}): Thread<C> {
    const log = this.#openLog(name);
    const thread = startThread<undefined, C>({ name, entry, config: undefined, log: log.stream, handlers });
    void thread.ended.then((reason) => {
      if (reason === undefined) return;
      log.trouble(`the thread ended: ${reason.stack}`);
      this.#options.onBroken(new ClusterError(`${name} ended: ${reason.message}`, { cause: reason }));
    });
    return thread;
  }

  #startControllers(): KeptThread<ControllersCalls & Calls> {
    const log = this.#openLog('controllers');
    const { stream } = log;
    return new KeptThread({
      start: () =>
        startThread({ name: 'controllers', entry: 'controllers-worker', config: undefined, log: stream }),
      bringUp: async (thread) => {
        await this.#apiserverStarted;
        await thread.calls.call('start', this.#controllersInput(await this.#pki));
      },
      onChange: this.#options.onChange,
      log: (line) => log.trouble(line),
    });
  }

  #openLog(part: string): PartLog {
    return new PartLog(this.state.paths.logs, part, (trouble) => {
      this.trouble = trouble;
      this.#options.onChange();
    });
  }

  #startNode(plan: NodePlan): NodeThread {
    return new NodeThread({
      plan,
      log: this.#openLog(plan.name),
      startInput: () => this.#nodeInput(plan),
      attach: async (host, netns) => {
        await this.#fabricStarted;
        await this.#fabric.calls.call('attach', { host, netns });
      },
      detach: (name) => this.#fabric.calls.call('detach', { name }),
      onChange: () => {
        this.#options.onChange();
        void this.#tellNodeNamespaces();
      },
    });
  }

  #openPki(): Promise<ClusterPki> {
    return openClusterPki({
      directory: this.state.paths.pki,
      apiServerAddresses: apiServerAddresses(this.plan),
      nodes: this.plan.nodes,
    }).finally(() => traceStart('supervisor', 'has its certificates'));
  }

  async #startFabric(): Promise<void> {
    const { families } = this.plan;
    const sockets = await this.#fabric.calls.call('start', { families, egress: this.config.egress });
    this.#gateway.serve(sockets, (input) => this.#fabric.calls.call('bindForeignUdp', input));
    traceStart('supervisor', 'has its fabric');
  }

  async #startApiserver(): Promise<void> {
    const { families } = this.plan;
    const netns = await this.#apiserver.calls.call('openNamespace', undefined);
    await this.#fabricStarted;
    const host = { name: 'apiserver', addresses: families.map(({ apiServer }) => apiServer), networks: [] };
    await this.#fabric.calls.call('attach', { host, netns });
    const pki = await this.#pki;
    const { certificate: cert, key } = pki.apiServer;
    await this.#apiserver.calls.call('start', {
      database: this.state.paths.database,
      hostFd: this.state.api.fd,
      families,
      port: API_PORT,
      tls: { cert, key },
      clientCa: pki.caCertificate,
      serviceAccountKey: pki.serviceAccountKey,
      nodeClient: {
        cert: pki.apiServerKubeletClient.certificate,
        key: pki.apiServerKubeletClient.key,
        ca: pki.caCertificate,
      },
    });
    traceStart('supervisor', 'API server answers');
  }

  #controllersInput(pki: ClusterPki): ControllersStart {
    const server = `https://127.0.0.1:${this.state.api.port}`;
    return {
      controllers: clientOf(pki, pki.controllerManager, server),
      admin: clientOf(pki, pki.admin, server),
      families: this.plan.families,
      caCertificate: pki.caCertificate,
    };
  }

  async #nodeInput(node: NodePlan): Promise<NodeStart> {
    await this.#apiserverStarted;
    const pki = await this.#pki;
    const certificates = pki.nodes.get(node.name);
    if (certificates === undefined) throw new Error(`node ${node.name} has no certificates`);
    const apiServer = this.#innerServer();
    return {
      node,
      families: this.plan.families,
      nodeLocalDns: this.#nodeLocalDns(),
      apiServer,
      caCertificate: pki.caCertificate,
      certificates,
      proxyClient: clientOf(pki, pki.kubeProxy, apiServer),
      dataDir: join(this.state.paths.nodes, node.name),
      imagesDir: this.config.imagesDir,
    };
  }

  async #publish(pki: ClusterPki): Promise<void> {
    await this.#fabric.calls.call('publish', {
      client: clientOf(pki, pki.admin, this.#innerServer()),
      nodes: this.plan.nodes,
      clusterDns: this.plan.families.map(({ clusterDns }) => clusterDns),
      proxyFd: this.state.proxy.fd,
    });
    await this.#tellNodeNamespaces();
  }

  async #tellNodeNamespaces(): Promise<void> {
    const nodes = this.nodes.flatMap(({ plan: { name }, netns }) =>
      netns === undefined ? [] : [{ name, netns }],
    );
    await this.#fabric.calls.call('setNodeNamespaces', { nodes }).catch(() => undefined);
  }

  #nodeLocalDns(): string[] {
    return this.config.nodeLocalDns ? this.plan.families.map(({ nodeLocalDns }) => nodeLocalDns) : [];
  }

  async #applyAddons(): Promise<void> {
    const { calls } = this.controllers;
    const nodeLocal = nodeLocalDnsItems(this.plan, podCompileCache());
    await Promise.all([
      calls.call('apply', { items: addonItems(this.plan, podCompileCache()) }),
      // Nobody asks what an earlier run may have left.
      calls.call(this.config.nodeLocalDns ? 'apply' : 'remove', { items: nodeLocal }),
    ]);
  }

  /** Asks as pods do: through the Service's address, which is the same from everywhere, and each node's own cache. */
  async #dnsAnswers(): Promise<void> {
    const own = this.#nodeLocalDns();
    const servers = this.plan.families.map(({ clusterDns }) => clusterDns);
    await this.#dnsAnswersAt(servers, () => this.nodes.find(({ running }) => running));
    if (own.length > 0) await Promise.all(this.nodes.map((node) => this.#dnsAnswersAt(own, () => node)));
  }

  async #dnsAnswersAt(servers: readonly string[], choose: () => NodeThread | undefined): Promise<void> {
    const since = performance.now();
    for (;;) {
      const node = choose();
      // Asked often, for a quick start; a machine that is too busy to answer so soon gets more and more time.
      const timeoutMs = DNS_TIMEOUT_MS + (performance.now() - since) / DNS_PATIENCE;
      const question = { name: PROBE_NAME, servers, timeoutMs };
      if (await node?.calls.call('resolves', question).catch(() => false)) return;
      await delay(DNS_POLL_MS);
    }
  }

  #innerServer(): string {
    const [first] = this.plan.families;
    if (first === undefined) throw new Error('the cluster has no address family');
    const host = first.family === 4 ? first.apiServer : `[${first.apiServer}]`;
    return `https://${host}:${API_PORT}`;
  }

  async #step<T>(step: string, work: Promise<T>): Promise<T> {
    this.#options.onProgress(step, false);
    this.#openSteps.add(step);
    const result = await work;
    this.#openSteps.delete(step);
    traceStart('supervisor', step);
    this.#options.onProgress(step, true);
    return result;
  }

  /** What was compiled now need not be compiled at the next start. */
  async #flushCompileCaches(): Promise<void> {
    flushCompileCache();
    const threads: readonly { calls: Caller<ThreadCalls> }[] = [
      this.#fabric,
      this.#apiserver,
      this.controllers,
      ...this.nodes.slice(0, 1),
    ];
    await Promise.all(threads.map(({ calls }) => calls.call('flushCompileCache', undefined)));
  }
}

/** Pods keep compiled code apart from ours: what a pod writes must not be run outside of one. */
function podCompileCache(): string | undefined {
  const own = process.env['NODE_COMPILE_CACHE'];
  return own === undefined ? undefined : `${own}-pods`;
}
