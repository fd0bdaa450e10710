import type { ApiClient, ClientConfig } from '#kube/client.ts';
import { ResponseCode } from '#wire/dns.ts';
import { AnswerCounts } from './answer-counts.ts';
import type { AnswerMetrics, CountLabels } from './answer-metrics.ts';
import type { AnswerTable } from './answer-table.ts';
import type { ConfiguredBlock } from './configuration.ts';
import type { BlockKey, Scheme } from './corefile/block-key.ts';
import { emptyAnswer } from './finish-answer.ts';
import type { HttpPages } from './http-pages.ts';
import type { KeptParts } from './kept-parts.ts';
import type { MetricRegistry } from './metric-registry.ts';
import { resolve, type Sites } from './place-query.ts';
import type { BlockContext, BlockSettings, ExpressLane, PluginInstance, SetupContext } from './plugin.ts';
import { compileChain, expressLanes, type Site, siteCounts, takesAllOf } from './site.ts';

/** Of blocks without `prometheus`: nobody looks at them. */
const UNCOUNTED = new AnswerCounts();

/** What outlives a configuration. */
export interface SharedParts {
  readonly metrics: MetricRegistry;
  readonly answers: AnswerMetrics;
  readonly pages: HttpPages;
  readonly log: (message: string) => void;
  readonly apiClient: (onResponse?: ClientConfig['onResponse']) => Promise<ApiClient>;
  /** One per server, by its name. */
  tableOf(server: string): AnswerTable;
  reload(): Promise<void>;
  corefileText(): Promise<string>;
  /** What it was when this configuration was loaded, or a little before. */
  readonly loadedText: string;
  readonly kept: KeptParts;
  readonly corefileFolders: readonly string[];
}

/** Where a server listens. */
export interface ServerPlan {
  /** Such as `dns://:53` or `dns://127.0.0.1:53`. */
  readonly name: string;
  readonly scheme: Scheme;
  /** Undefined: on all. */
  readonly address: string | undefined;
  readonly port: number;
  /** Of the first of its blocks that has any. */
  readonly settings: BlockSettings;
  readonly sites: Sites;
  /** Counts of queries that are of no site, where any of its blocks is counted. */
  readonly dropped: AnswerCounts;
}

/** One configuration at work: its plugins, and what its servers are to answer by. */
export interface Generation extends AsyncDisposable {
  readonly servers: readonly ServerPlan[];
  readonly blocks: readonly BlockContext[];
  readonly plugins: readonly PluginInstance[];
  /** Starts all plugins; resolves when they are ready to be asked, or have waited long enough. */
  start(): Promise<void>;
}

/** Sets up all plugins of a configuration. Rejects, with everything undone, when one cannot be. */
export async function setUpGeneration(
  blocks: readonly ConfiguredBlock[],
  shared: SharedParts,
): Promise<Generation> {
  const stack = new AsyncDisposableStack();
  await using undo = new AsyncDisposableStack();
  undo.use(stack);
  const state = { closed: false };
  const abort = new AbortController();
  stack.defer(() => abort.abort(new Error('the configuration is no longer in force')));
  // Where who asks decides on the block, no answer is the same for all.
  const views = blocks.some(({ settings }) => settings.view !== undefined);
  const contexts: BlockContext[] = [];
  const servers = new Map<string, GrowingServer>();
  const all: PluginInstance[] = [];
  for (const block of blocks) {
    const plugins: PluginInstance[] = [];
    const context = blockContext(block, plugins);
    contexts.push(context);
    for (const { name, parsed } of block.plugins) {
      const setup: SetupContext = {
        block: context,
        root: block.settings.root ?? process.cwd(),
        bound: block.settings.bind,
        metrics: shared.metrics,
        log: pluginLog(name, shared.log),
        logQuery: (line) => shared.log(`[INFO] ${line}`),
        stack,
        signal: abort.signal,
        apiClient: shared.apiClient,
        server: { ...shared, blocks: contexts, answerMetrics: () => shared.answers.text() },
      };
      plugins.push(await parsed.setup(setup));
    }
    all.push(...plugins);
    addSites(block, context, servers, { ...shared, views, state });
  }
  undo.move();
  return {
    servers: [...servers.values()].map(({ plan }) => plan),
    blocks: contexts,
    plugins: all,
    start: async () => {
      await Promise.all(all.map(async (plugin) => plugin.start?.()));
    },
    [Symbol.asyncDispose]: () => {
      // At once: what is still being answered must not get into the tables of its successor.
      state.closed = true;
      return stack.disposeAsync();
    },
  };
}

/** Of nothing but the two: what outlives its configuration may log, and must not keep it. */
function pluginLog(name: string, log: SharedParts['log']): SetupContext['log'] {
  return (message, level = 'INFO') => log(`[${level}] plugin/${name}: ${message}`);
}

function blockContext({ keys, settings }: ConfiguredBlock, plugins: readonly PluginInstance[]): BlockContext {
  const [first] = keys;
  return {
    keys,
    server: first === undefined ? '' : serverName(first, settings.bind?.[0]),
    zone: first?.zone.text ?? '.',
    view: settings.view?.name ?? '',
    plugins,
    metadata(request, name) {
      for (const plugin of plugins) {
        const value = plugin.metadata?.(request, name);
        if (value !== undefined) return value;
      }
      return undefined;
    },
    // Blocks are on servers: their sites have these.
    resolve: () => emptyAnswer(ResponseCode.SERVFAIL),
    express: new Map<string, ExpressLane>(),
  };
}

interface GrowingServer {
  plan: ServerPlan;
  readonly sites: Map<string, Site[]>;
}

/** The block's place on each server that one of its keys is on. */
function addSites(
  { keys, settings, plugins: configured }: ConfiguredBlock,
  context: BlockContext,
  servers: Map<string, GrowingServer>,
  shared: SharedParts & { readonly views: boolean; readonly state: { readonly closed: boolean } },
): void {
  const answer = compileChain(context.plugins);
  const counted = configured.some(({ name }) => name === 'prometheus');
  for (const key of keys) {
    for (const address of settings.bind ?? [undefined]) {
      const server = serverOf(servers, key, address, settings);
      const { plan, sites } = server;
      if (counted) server.plan = { ...plan, dropped: shared.answers.countsFor(droppedLabels(plan.name)) };
      const labels = { server: plan.name, zone: key.zone.text, view: context.view };
      const countsFor = counted ? siteCounts(shared.answers, labels) : () => UNCOUNTED;
      const site: Site = {
        ...context,
        server: plan.name,
        zone: key.zone.text,
        answer,
        matches: settings.view?.matches.bind(settings.view),
        chaos: settings.chaos === true,
        countsFor,
        express: shared.views
          ? context.express
          : expressLanes(context.plugins, shared.tableOf(plan.name), countsFor, shared.state, (zone) =>
              takesAllOf(zone, key.zone.key, sites.keys()),
            ),
        resolve: (request) => resolve(sites, request),
      };
      const known = sites.get(key.zone.key);
      if (known === undefined) sites.set(key.zone.key, [site]);
      else known.push(site);
    }
  }
}

function serverOf(
  servers: Map<string, GrowingServer>,
  key: BlockKey,
  address: string | undefined,
  settings: BlockSettings,
): GrowingServer {
  const name = serverName(key, address);
  let server = servers.get(name);
  if (server === undefined) {
    const sites = new Map<string, Site[]>();
    const { scheme, port } = key;
    server = { plan: { name, scheme, address, port, settings, sites, dropped: UNCOUNTED }, sites };
    servers.set(name, server);
  }
  return server;
}

/** CoreDNS's name of a zone for queries that are of none. */
function droppedLabels(server: string): CountLabels {
  return { server, zone: 'dropped', view: '', plugin: '' };
}

export function serverName({ scheme, port }: BlockKey, address: string | undefined): string {
  const host = address === undefined ? '' : address.includes(':') ? `[${address}]` : address;
  return `${scheme}://${host}:${port}`;
}
