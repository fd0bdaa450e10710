import type { ApiClient, ClientConfig } from '#kube/client.ts';
import { AnswerMetrics } from './answer-metrics.ts';
import { SiteService } from './answer-query.ts';
import { AnswerTable } from './answer-table.ts';
import type { ListenAddress } from './config.ts';
import type { ConfiguredBlock } from './configuration.ts';
import { untilAnswered, untilUnasked } from './departure.ts';
import { type FrontedServer, Fronts } from './fronts/fronts.ts';
import { type Generation, type ServerPlan, type SharedParts, setUpGeneration } from './generation.ts';
import { HttpPages } from './http-pages.ts';
import { KeptParts } from './kept-parts.ts';
import { type Listening, listenFor } from './listen.ts';
import { type Metric, MetricRegistry } from './metric-registry.ts';

export interface DnsServer extends AsyncDisposable {
  /** Where queries are taken, with the ports chosen. */
  readonly addresses: readonly ListenAddress[];
  /** Reads the configuration anew and goes over to it. Rejects, and stays as it is, when it is not sound. */
  reload(): Promise<void>;
  /** Goes unready, serves on for as long as `health` says (lameduck) and while queries still come, then closes. */
  stop(): Promise<void>;
}

export interface DnsServerOptions {
  /** Reads and checks the configuration; called again for every reload. */
  readonly load: () => Promise<readonly ConfiguredBlock[]>;
  /** The configuration's text with all that it imports, to see changes by. */
  readonly text: () => Promise<string>;
  /** Where its files are, so that changes can be noticed at once. */
  readonly folders?: readonly string[] | undefined;
  /** Called when a plugin wants the API server. */
  readonly apiClient: (onResponse?: ClientConfig['onResponse']) => Promise<ApiClient>;
  readonly log: (message: string) => void;
  /** A configuration was not taken over; the old one stays. */
  readonly onReloadFailed?: ((error: Error) => void) | undefined;
  /** Fires when it is to stop before it serves: then it does not wait for anything. */
  readonly signal?: AbortSignal | undefined;
}

/** Serves DNS as a Corefile says. Resolves when it answers; rejects when the configuration or a port is not to be had. */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const server = new Server(options);
  try {
    await server.start();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

interface Serving {
  readonly service: SiteService;
  readonly listening: Listening;
}

class Server implements DnsServer {
  readonly #options: DnsServerOptions;
  readonly #metrics = new MetricRegistry();
  readonly #panics: Metric;
  readonly #tables = new Map<string, AnswerTable>();
  readonly #serving = new Map<string, Serving>();
  readonly #shared: Omit<SharedParts, 'loadedText'>;
  readonly #fronts: Fronts;
  #generation: Generation | undefined;
  #loading: Promise<void> | undefined;
  /** The reload that begins when the one under way is over. */
  #waiting: Promise<void> | undefined;
  #isEnding = false;

  constructor(options: DnsServerOptions) {
    this.#options = options;
    this.#fronts = new Fronts({ log: options.log });
    this.#metrics.onCollect(() => this.#collect());
    this.#panics = this.#metrics.counter('coredns_panics_total', 'Queries whose answering failed.').with();
    this.#shared = {
      metrics: this.#metrics,
      answers: new AnswerMetrics(),
      pages: new HttpPages(),
      log: options.log,
      apiClient: options.apiClient,
      tableOf: (name) => this.#tableOf(name),
      reload: () => this.reload(),
      corefileText: options.text,
      kept: new KeptParts(),
      corefileFolders: options.folders ?? [],
    };
  }

  get addresses(): readonly ListenAddress[] {
    return [...this.#serving.values()].flatMap(({ listening }) => listening.addresses);
  }

  start(): Promise<void> {
    return this.#begin(this.load());
  }

  reload(): Promise<void> {
    if (this.#isEnding) return Promise.reject(new Error('the server has been stopped'));
    if (this.#loading === undefined) return this.#begin(this.#loadAgain());
    // One after the other; what is under way may have been read before the change that this is about.
    this.#waiting ??= this.#loading
      .catch(() => undefined)
      .then(() => {
        this.#waiting = undefined;
        return this.reload();
      });
    return this.#waiting;
  }

  #begin(loading: Promise<void>): Promise<void> {
    this.#loading = loading.finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #loadAgain(): Promise<void> {
    try {
      await this.load();
    } catch (error) {
      this.#options.onReloadFailed?.(error as Error);
      throw error;
    }
  }

  /** Sets the new configuration up beside the old one, and exchanges them when all of it is there. */
  async load(): Promise<void> {
    // Read before: should it change while it is loaded, that is seen.
    const loadedText = await this.#options.text().catch((error: Error) => error.message);
    const next = await setUpGeneration(await this.#options.load(), { ...this.#shared, loadedText });
    const opened = new Map<string, Serving>();
    try {
      await unlessAborted(this.#options.signal, next.start());
      refuseForgetting(this.#generation, next);
      for (const plan of next.servers) {
        if (!this.#serving.has(plan.name)) opened.set(plan.name, await this.#open(plan));
      }
      await this.#fronts.start(this.#fronted(next, new Map([...this.#serving, ...opened])));
    } catch (error) {
      await Promise.all([...opened.values()].map(({ listening }) => listening[Symbol.asyncDispose]()));
      await next[Symbol.asyncDispose]();
      await this.#fronts.set(this.#fronted(this.#generation));
      throw error;
    }
    await this.#exchange(next, opened);
  }

  async #open(plan: ServerPlan): Promise<Serving> {
    const service = new SiteService(this.#tableOf(plan.name), this.#panics, this.#options.log);
    serve(service, plan);
    return { service, listening: await listenFor(plan, service) };
  }

  async #exchange(next: Generation, opened: ReadonlyMap<string, Serving>): Promise<void> {
    const old = this.#generation;
    this.#generation = next;
    for (const [name, serving] of opened) this.#serving.set(name, serving);
    const gone = old?.[Symbol.asyncDispose]();
    for (const plan of next.servers) {
      const service = this.#serving.get(plan.name)?.service;
      if (service !== undefined) serve(service, plan);
    }
    // Those of servers that go, too: others may have copies.
    for (const table of this.#tables.values()) table.clear();
    await this.#fronts.set(this.#fronted(next));
    const kept = new Set(next.servers.map(({ name }) => name));
    for (const [name, { listening }] of this.#serving) {
      if (kept.has(name)) continue;
      this.#serving.delete(name);
      this.#tables.delete(name);
      await listening[Symbol.asyncDispose]();
    }
    await gone;
  }

  /** What only the fronts have counted. */
  #collect(): void {
    this.#fronts.collect();
    const { dropped } = this.#fronts;
    const name = 'portolan_dns_multisocket_dropped_total';
    if (dropped > 0)
      this.#metrics
        .counter(name, 'Queries dropped, since too many waited for the main thread.')
        .with().value = dropped;
  }

  /** The servers of a generation, if any, as fronts see them. */
  #fronted(
    generation: Generation | undefined,
    serving: ReadonlyMap<string, Serving> = this.#serving,
  ): FrontedServer[] {
    return (generation?.servers ?? []).map((plan) => {
      const shares = serving.get(plan.name)?.listening.shares ?? [];
      return { table: this.#tableOf(plan.name), shares, sockets: shares.length > 0 ? socketsOf(plan) : 1 };
    });
  }

  #tableOf(name: string): AnswerTable {
    let table = this.#tables.get(name);
    if (table === undefined) this.#tables.set(name, (table = new AnswerTable()));
    return table;
  }

  async stop(): Promise<void> {
    const plugins = this.#generation?.plugins ?? [];
    const services = [...this.#serving.values()].map(({ service }) => service);
    for (const service of services) service.leaving = true;
    const stopping = Promise.all(plugins.map(async (plugin) => plugin.stopping?.()));
    await untilUnasked(stopping, () =>
      services.reduce((sum, { batches }) => sum + batches, this.#fronts.batches),
    );
    // What their sockets still hold comes to the main thread.
    await this.#fronts[Symbol.asyncDispose]();
    await untilAnswered(() => services.flatMap(({ running }) => [...running]));
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    await this.#loading?.catch(() => undefined);
    await this.#fronts[Symbol.asyncDispose]();
    const serving = [...this.#serving.values()];
    this.#serving.clear();
    await Promise.all(serving.map(({ listening }) => listening[Symbol.asyncDispose]()));
    await this.#generation?.[Symbol.asyncDispose]();
    this.#generation = undefined;
  }
}

/** Per address, as `multisocket` says; one where no answer is ever in the table, so that nobody else could give it. */
/** Queries that come in from now on are the plan's. */
function serve(service: SiteService, { sites, dropped }: ServerPlan): void {
  service.sites = sites;
  service.dropped = dropped;
}

function socketsOf({ scheme, settings, sites }: ServerPlan): number {
  const express = [...sites.values()].flat().some((site) => site.express.size > 0);
  return scheme === 'dns' && express ? (settings.sockets ?? 1) : 1;
}

/** A configuration that knows no cluster yet must not take the place of one that does: all names would be gone. */
function refuseForgetting(old: Generation | undefined, next: Generation): void {
  const knew = old?.plugins.some(({ cluster }) => cluster?.synced === true) ?? false;
  if (knew && next.plugins.some(({ cluster }) => cluster?.synced === false))
    throw new Error('the objects of the cluster have not come again in time');
}

/** Rejects as soon as the signal fires. */
async function unlessAborted(signal: AbortSignal | undefined, waiting: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(new Error('it was stopped before it served', { cause: signal?.reason }));
  if (signal?.aborted === true) abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([waiting, promise]);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
