import { ResponseCode } from '#wire/dns.ts';
import type { AnswerCounts } from './answer-counts.ts';
import type { AnswerMetrics } from './answer-metrics.ts';
import type { AnswerTable } from './answer-table.ts';
import { emptyAnswer } from './finish-answer.ts';
import { type Answerer, chain, type DnsHandler, type DnsRequest } from './handler.ts';
import type { BlockContext, ExpressLane, PluginInstance } from './plugin.ts';

/** One zone of a server block on one server: where a query ends up. */
export interface Site extends BlockContext {
  readonly answer: Answerer;
  readonly matches: ((request: DnsRequest) => boolean) | undefined;
  readonly chaos: boolean;
  /** Where an answer of this plugin is counted. */
  countsFor(plugin: string): AnswerCounts;
}

/** Plugins that say how to serve, and have no part in answers. CoreDNS does not count them as plugins at work. */
export const SETTINGS: ReadonlySet<string> = new Set([
  'bind',
  'debug',
  'health',
  'multisocket',
  'ready',
  'reload',
  'root',
  'timeouts',
  'tls',
]);

/** The block's chain as one function. At its end nobody had an answer. */
export function compileChain(plugins: readonly PluginInstance[]): Answerer {
  if (plugins.every(({ name }) => SETTINGS.has(name))) return () => emptyAnswer(ResponseCode.REFUSED);
  const handlers = plugins.filter(isHandler);
  const error = `plugin/${handlers.at(-1)?.name ?? ''}: no next plugin found`;
  return chain(handlers, () => ({ ...emptyAnswer(ResponseCode.SERVFAIL), error }));
}

function isHandler(plugin: PluginInstance): plugin is PluginInstance & DnsHandler {
  return plugin.handle !== undefined;
}

/** Counters by plugin, looked up once each. */
export function siteCounts(
  metrics: AnswerMetrics,
  labels: { readonly server: string; readonly zone: string; readonly view: string },
): (plugin: string) => AnswerCounts {
  const known = new Map<string, AnswerCounts>();
  return (plugin) => {
    let counts = known.get(plugin);
    if (counts === undefined) known.set(plugin, (counts = metrics.countsFor({ ...labels, plugin })));
    return counts;
  };
}

/**
 * Whether all names of a zone, which may be smaller or larger than the site's, are the site's: none is of another
 * zone of the server.
 */
export function takesAllOf(zoneKey: string, siteKey: string, siteKeys: Iterable<string>): boolean {
  if (!zoneKey.endsWith(siteKey)) return false;
  return [...siteKeys].every(
    (other) =>
      other === siteKey ||
      !(other.endsWith(zoneKey) || (zoneKey.endsWith(other) && other.length > siteKey.length)),
  );
}

/** The plugins before which nothing looks at their queries; with a view, who asks matters, so there is none. */
export function expressLanes(
  plugins: readonly PluginInstance[],
  table: AnswerTable,
  countsFor: (plugin: string) => AnswerCounts,
  state: { readonly closed: boolean },
  takesAll: (zoneKey: string) => boolean,
): Map<string, ExpressLane> {
  const lanes = new Map<string, ExpressLane>();
  for (const [i, { name, expressZones }] of plugins.entries()) {
    if (expressZones === undefined) continue;
    const before = plugins.slice(0, i);
    const zones = new Set(
      expressZones.filter((zone) =>
        before.every((plugin) => plugin.handle === undefined || (plugin.passes?.(zone) ?? false)),
      ),
    );
    if (zones.size === 0) continue;
    lanes.set(name, {
      table,
      zones,
      takesAbsent: (zone) =>
        zones.has(zone) && takesAll(zone) && before.every((plugin) => plugin.passesAbsent?.(zone) ?? true),
      counts: countsFor(name),
      get closed() {
        return state.closed;
      },
    });
  }
  return lanes;
}
