import { nextAnswer, withMessage } from '#dns/finish-answer.ts';
import type { Answerer, Client, DnsAnswer, DnsReply, DnsRequest, DnsResult } from '#dns/handler.ts';
import { DROP } from '#dns/handler.ts';
import type { Metric, MetricFamily } from '#dns/metric-registry.ts';
import type { PluginInstance, SetupContext } from '#dns/plugin.ts';
import { isServerError } from '#dns/server-error.ts';
import { HeaderFlag, nameKey, ResponseCode } from '#wire/dns.ts';
import { prepareAnswer, respond } from '#wire/dns-answer.ts';
import { questionLabels } from '#wire/dns-query.ts';
import type { CacheConfig } from './config.ts';
import { type Keeping, planKeeping, withTtl } from './plan-lifetime.ts';
import { type CacheEntry, CacheStore, cacheEntry, writeTtl } from './store.ts';

/** Flags that are kept with an answer. */
const KEPT_FLAGS = HeaderFlag.AA | HeaderFlag.RA | HeaderFlag.AD;

export class CacheHandler implements PluginInstance {
  readonly name = 'cache';
  readonly expressZones: readonly string[];
  readonly #config: CacheConfig;
  readonly #success: CacheStore;
  readonly #denial: CacheStore;
  /** By server: a block may be on several addresses. */
  readonly #metrics = new Map<string, CacheMetrics>();
  readonly #newMetrics: (server: string) => CacheMetrics;
  readonly #nowMs: () => number;

  constructor(
    config: CacheConfig,
    context: Pick<SetupContext, 'metrics' | 'block' | 'signal'>,
    nowMs = Date.now,
  ) {
    this.#config = config;
    this.expressZones = config.zones.zones.map(({ key }) => key);
    this.#success = new CacheStore(config.success.capacity);
    this.#denial = new CacheStore(config.denial.capacity);
    const stores = { success: this.#success, denial: this.#denial };
    this.#newMetrics = (server) => new CacheMetrics(config, server, context, stores);
    this.#metricsOf(context.block.server);
    this.#nowMs = nowMs;
  }

  #metricsOf(server: string): CacheMetrics {
    let known = this.#metrics.get(server);
    if (known === undefined) this.#metrics.set(server, (known = this.#newMetrics(server)));
    return known;
  }

  /** Queries of zones that nothing is kept of. */
  passes(zoneKey: string): boolean {
    const covers = ({ key }: { readonly key: string }): boolean => zoneKey.endsWith(key);
    const { zones, success, denial } = this.#config;
    if (!zones.zones.some((zone) => covers(zone) || zone.key.endsWith(zoneKey))) return true;
    return success.disabled.zones.some(covers) && denial.disabled.zones.some(covers);
  }

  handle(request: DnsRequest, next: Answerer): DnsReply {
    const { query } = request;
    const { zones, success, denial, serveStale } = this.#config;
    if (zones.match(query) === undefined) return next(request);
    if (success.disabled.match(query) !== undefined && denial.disabled.match(query) !== undefined)
      return next(request);
    const metrics = this.#metricsOf(request.block.server);
    metrics.requests.value++;
    const key = keyOf(request);
    const entry = this.#denial.get(key) ?? this.#success.get(key);
    const nowMs = this.#nowMs();
    if (entry === undefined) return this.#miss(request, key, next);
    const leftMs = entry.storedMs + entry.lifetime * 1000 - nowMs;
    if (leftMs > 0) {
      metrics.hit(entry).value++;
      if (this.#wantsPrefetch(entry, leftMs, nowMs)) this.#refresh(request, key, entry, next);
      return this.#giveOut(request, entry, nowMs);
    }
    if (serveStale === undefined || -leftMs > serveStale.forMs) return this.#miss(request, key, next);
    metrics.hit(entry).value++;
    if (serveStale.mode === 'verify') return this.#verify(request, key, entry, next);
    if (!entry.refreshing) this.#refresh(request, key, entry, next);
    metrics.countStale();
    return this.#giveOut(request, entry, nowMs);
  }

  #giveOut(request: DnsRequest, entry: CacheEntry, nowMs: number): Buffer {
    const age = Math.floor((nowMs - entry.storedMs) / 1000);
    writeTtl(entry, this.#config.keepTtl ? entry.lifetime : Math.max(0, entry.lifetime - age));
    request.answeredBy = 'cache';
    this.#expedite(request, entry, nowMs);
    return respond(request.query, entry.prepared, entry.flags & ~unwantedFlags(request), request.limit);
  }

  /** Lets further hits be answered without the cache, for as long as they may be. */
  #expedite(request: DnsRequest, entry: CacheEntry, nowMs: number): void {
    const { query, block } = request;
    const { zones, keepTtl } = this.#config;
    const lane = block.express.get('cache');
    const untilMs = this.#unseenUntilMs(entry);
    if (lane === undefined || lane.closed || untilMs <= nowMs) return;
    if (!lane.zones.has(zones.match(query)?.key ?? '') || !isPlain(query)) return;
    if (lane.table.holds(query, entry.prepared)) return;
    const metrics = this.#metricsOf(block.server);
    const tabled = lane.table.set(query, {
      prepared: entry.prepared,
      flags: entry.flags & ~HeaderFlag.AD,
      counts: lane.counts,
      tallies: [metrics.requests, metrics.hit(entry)],
      untilMs,
      lifetime: keepTtl ? undefined : { fromMs: entry.storedMs, seconds: entry.lifetime },
      plainOnly: true,
    });
    if (tabled !== undefined) entry.tabled = [...entry.tabled, tabled];
  }

  /** Until when hits need not come here: those that may lead to prefetching do. */
  #unseenUntilMs({ storedMs, lifetime }: CacheEntry): number {
    const { prefetch } = this.#config;
    const lifetimeMs = lifetime * 1000;
    if (prefetch === undefined) return storedMs + lifetimeMs;
    // Where pauses between hits can be long enough to begin counting anew, each has to be seen.
    return lifetimeMs > prefetch.withinMs ? storedMs : storedMs + lifetimeMs * (1 - prefetch.left);
  }

  #miss(request: DnsRequest, key: string, next: Answerer): DnsReply {
    this.#metricsOf(request.block.server).misses.value++;
    return this.#ask(request, key, next, true);
  }

  /** What the plugins behind say; kept if it may be, failures only where there is no entry to lose. */
  #ask(request: DnsRequest, key: string, next: Answerer, keepsFailures: boolean): DnsReply {
    const asked = withAuthenticData(request);
    return nextAnswer(asked, next, (answer) => {
      request.answeredBy = asked.answeredBy;
      // A failure with a reason, such as servers that do not answer, may be heard of again for a while.
      const mayKeep = answer.rcode === ResponseCode.SERVFAIL && answer.error !== undefined;
      if (isServerError(answer) && !mayKeep) return answer;
      const { query } = request;
      const question = { name: questionLabels(query), type: query.type };
      const keeping = planKeeping(answer, this.#config, question);
      const capped = withTtl(answer, keeping.lifetime);
      if (keeping.kept && (keepsFailures || !isFailure(answer))) this.#keep(request, key, capped, keeping);
      return { ...capped, flags: capped.flags & ~unwantedFlags(request) };
    });
  }

  #keep({ query }: DnsRequest, key: string, answer: DnsAnswer, { share, lifetime }: Keeping): void {
    if (this.#config[share].disabled.match(query) !== undefined) return;
    const prepared = prepareAnswer(questionLabels(query), withOneOwner(answer));
    const entry = cacheEntry(prepared, answer.flags & KEPT_FLAGS, this.#nowMs(), lifetime, share);
    const [here, there] = share === 'success' ? [this.#success, this.#denial] : [this.#denial, this.#success];
    here.set(key, entry);
    there.delete(key);
  }

  /** Asks behind the client's back, over TCP, since an answer that was cut could not be kept. */
  #refresh(request: DnsRequest, key: string, entry: CacheEntry, next: Answerer): void {
    entry.refreshing = true;
    this.#metricsOf(request.block.server).countPrefetch();
    const done = (): void => {
      entry.refreshing = false;
    };
    // One by one: those that transports make on demand are no properties to copy.
    const { family, address, port, local } = request.client;
    const client: Client = { transport: 'tcp', family, address, port, local };
    void Promise.resolve(this.#ask({ ...request, client }, key, next, false)).then(done, done);
  }

  /** The fresh answer if there is one in time, else the stale one. */
  async #verify(request: DnsRequest, key: string, entry: CacheEntry, next: Answerer): Promise<DnsResult> {
    const stale = (): Buffer => {
      this.#metricsOf(request.block.server).countStale();
      return this.#giveOut(request, entry, this.#nowMs());
    };
    const { verifyMs } = this.#config.serveStale ?? {};
    const timeout = verifyMs === undefined ? undefined : AbortSignal.timeout(verifyMs);
    const timedOut = new Promise<undefined>((resolve) => {
      timeout?.addEventListener('abort', () => resolve(undefined));
    });
    const asked: Promise<DnsResult> = Promise.resolve(this.#ask(request, key, next, false));
    const fresh = await Promise.race<DnsResult | undefined>([asked, timedOut]);
    if (fresh === undefined || fresh === DROP) return stale();
    return !Buffer.isBuffer(fresh) && isFailure(fresh) ? stale() : fresh;
  }

  #wantsPrefetch(entry: CacheEntry, leftMs: number, nowMs: number): boolean {
    const { prefetch } = this.#config;
    if (prefetch === undefined) return false;
    entry.hits = nowMs - entry.lastHitMs > prefetch.withinMs ? 1 : entry.hits + 1;
    entry.lastHitMs = nowMs;
    const hits = entry.tabled.reduce((sum, tabled) => sum + tabled.hits, entry.hits);
    if (entry.refreshing || hits < prefetch.hits) return false;
    return leftMs <= entry.lifetime * 1000 * prefetch.left;
  }
}

/** Whether an answer says neither what there is nor that there is nothing (RFC 8767 §4). */
function isFailure({ rcode }: DnsAnswer): boolean {
  return rcode !== ResponseCode.NOERROR && rcode !== ResponseCode.NXDOMAIN;
}

/** Asked without DO, CD and AD, as nearly all do. */
function isPlain({ message, edns }: DnsRequest['query']): boolean {
  return edns?.dnssecOk !== true && ((message[3] ?? 0) & (HeaderFlag.AD | HeaderFlag.CD)) === 0;
}

/** Addresses of one name get one and the same name, so that they are given out in turn. */
function withOneOwner(answer: DnsAnswer): DnsAnswer {
  const [first] = answer.answers;
  if (first === undefined || answer.answers.length < 2) return answer;
  const key = nameKey(first.name);
  const answers = answer.answers.map((record) =>
    nameKey(record.name) === key ? { ...record, name: first.name } : record,
  );
  return { ...answer, answers };
}

/** DO and CD change what an answer holds. */
function keyOf({ query }: DnsRequest): string {
  const checkingDisabled = ((query.message[3] ?? 0) & HeaderFlag.CD) !== 0;
  return `${query.key}${query.edns?.dnssecOk === true ? 'D' : ''}${checkingDisabled ? 'C' : ''}`;
}

/** AD is told only to those who asked for it (RFC 6840 §5.8). */
function unwantedFlags({ query }: DnsRequest): number {
  const asked = query.edns?.dnssecOk === true || ((query.message[3] ?? 0) & HeaderFlag.AD) !== 0;
  return asked ? 0 : HeaderFlag.AD;
}

/** One answer serves those who want to know about AD and those who do not. */
function withAuthenticData(request: DnsRequest): DnsRequest {
  const { message } = request.query;
  if (((message[3] ?? 0) & HeaderFlag.AD) !== 0) return request;
  const copy = Buffer.from(message);
  copy[3] = (copy[3] ?? 0) | HeaderFlag.AD;
  return withMessage(request, copy) ?? request;
}

/** Their names are CoreDNS's. */
class CacheMetrics {
  readonly requests: Metric;
  readonly misses: Metric;
  /** These are told of only where they happen. */
  readonly countPrefetch: () => void;
  readonly countStale: () => void;
  readonly #hit: (type: 'success' | 'denial') => Metric;
  readonly #known: Partial<Record<'success' | 'denial', Metric>> = {};

  constructor(
    config: CacheConfig,
    server: string,
    { metrics, block, signal }: Pick<SetupContext, 'metrics' | 'block' | 'signal'>,
    stores: Readonly<Record<'success' | 'denial', CacheStore>>,
  ) {
    const zones = config.zones.zones.map(({ text }) => text).join(',');
    const counter = (name: string, help: string): Metric =>
      metrics.counter(name, help, ['server', 'zones', 'view']).with(server, zones, block.view);
    const later =
      (name: string, help: string): (() => void) =>
      () =>
        void counter(name, help).value++;
    this.requests = counter('coredns_cache_requests_total', 'Queries that came to the cache.');
    this.misses = counter('coredns_cache_misses_total', 'Queries that it had no answer to.');
    this.countPrefetch = later(
      'coredns_cache_prefetch_total',
      'Answers fetched again before they were asked for.',
    );
    this.countStale = later('coredns_cache_served_stale_total', 'Expired answers given out.');
    const typed = ['server', 'type', 'zones', 'view'];
    const of = (family: MetricFamily, type: string): Metric => family.with(server, type, zones, block.view);
    const hits = metrics.counter('coredns_cache_hits_total', 'Queries that it had an answer to.', typed);
    this.#hit = (type) => of(hits, type);
    const entries = metrics.gauge('coredns_cache_entries', 'Answers in the cache.', typed);
    const evictions = metrics.counter(
      'coredns_cache_evictions_total',
      'Answers that made room for others.',
      typed,
    );
    for (const type of ['success', 'denial'] as const) {
      entries.onCollect(signal, () => {
        of(entries, type).value = stores[type].size;
      });
      evictions.onCollect(signal, () => {
        if (stores[type].evictions > 0) of(evictions, type).value = stores[type].evictions;
      });
    }
  }

  hit({ share }: CacheEntry): Metric {
    return (this.#known[share] ??= this.#hit(share));
  }
}
