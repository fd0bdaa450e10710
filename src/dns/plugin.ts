import type { ApiClient, ClientConfig } from '#kube/client.ts';
import type { DnsRecord } from '#wire/dns.ts';
import type { AnswerCounts } from './answer-counts.ts';
import type { AnswerTable } from './answer-table.ts';
import type { ClientAuth } from './client-certificate.ts';
import type { ClusterIndex } from './cluster-index.ts';
import type { BlockKey } from './corefile/block-key.ts';
import type { Directive } from './corefile/parse.ts';
import type { DnsHandler, DnsReply, DnsRequest } from './handler.ts';
import type { HttpPages } from './http-pages.ts';
import type { KeptParts } from './kept-parts.ts';
import type { MetricRegistry } from './metric-registry.ts';
import type { PlanOptions } from './plan-answer.ts';
import type { Zone } from './zone.ts';

/** What a server block can be made of. `parse` may be called without ever setting up: `portolan dns check`. */
export interface Plugin {
  readonly name: string;
  /**
   * Reads all directives of this name in one server block, in the order written; at least one. Throws
   * `CorefileError`. No effects but reading files that the directives name.
   */
  parse(directives: readonly Directive[], scope: ParseScope): ParsedPlugin;
}

/** What a plugin may know while it is read. */
export interface ParseScope {
  /** What the server block answers for, networks already split. */
  readonly keys: readonly BlockKey[];
  /** Names of all plugins in the server block. */
  readonly plugins: ReadonlySet<string>;
  /** Folder that relative file names are of: that of `root`, else the working directory. */
  readonly root: string;
  readonly warn: (message: string) => void;
}

export interface ParsedPlugin {
  /** What it will do, in plain English, a sentence a line, for `portolan dns check`. */
  readonly explain: readonly string[];
  /** What the whole server block is to be like. */
  readonly settings?: BlockSettings | undefined;
  /** Makes it real. Called once per start or reload; everything that needs an end goes on `context.stack`. */
  setup(context: SetupContext): PluginInstance | Promise<PluginInstance>;
}

/** What plugins say about their block rather than about queries. */
export interface BlockSettings {
  /** Folder of relative file names (`root`). */
  readonly root?: string | undefined;
  /** Addresses to listen on; undefined: all (`bind`). */
  readonly bind?: readonly string[] | undefined;
  /** Only queries for which this is true are the block's (`view`). */
  readonly view?: { readonly name: string; matches(request: DnsRequest): boolean } | undefined;
  /** Queries of other classes than IN are let in (`chaos`, `forward`). */
  readonly chaos?: boolean | undefined;
  /** Files in PEM of the `tls://` and `https://` servers (`tls`). */
  readonly tls?: TlsFiles | undefined;
  /** Of streams, in ms (`timeouts`). */
  readonly timeouts?: StreamTimeouts | undefined;
  /** Sockets, and threads behind them, per address (`multisocket`). */
  readonly sockets?: number | undefined;
}

export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  readonly clientCa?: string | undefined;
  readonly clientAuth?: ClientAuth | undefined;
  /** Gets the secrets of every connection, for those who look into captured packets. */
  readonly keyLog?: string | undefined;
}

export interface StreamTimeouts {
  readonly readMs?: number | undefined;
  readonly writeMs?: number | undefined;
  readonly idleMs?: number | undefined;
}

/** A plugin at work in one server block. All parts but the name are optional. */
export interface PluginInstance extends Partial<DnsHandler> {
  readonly name: string;
  /** Runs when all plugins of all blocks are set up, before the first query: probes, listeners of its own. */
  start?(): void | Promise<void>;
  /** Whether it can answer; `ready` lists those that cannot. */
  ready?(): boolean;
  /** Server is told to stop: go unready; the promise holds the server up (lameduck). */
  stopping?(): Promise<void>;
  /** Values for `{/NAME}` in log formats, `view` and `template`, such as `kubernetes/client-namespace`. */
  metadata?(request: DnsRequest, name: string): string | undefined;
  /** Whether queries of a zone (by its key) pass it unchanged, so that answers known before need not ask it. */
  passes?(zoneKey: string): boolean;
  /** The same of queries for names that do not exist; undefined: as `passes` says. */
  passesAbsent?(zoneKey: string): boolean;
  /**
   * Zones (keys) of answers that it knows to stay the same for a while. Where every plugin before it `passes` one,
   * requests have a lane for it in `block.express`: what it puts in there, it has to take out when it changes.
   */
  readonly expressZones?: readonly string[];
  /** Search path for `autopath @NAME`: whole lower-case suffixes, best first. */
  searchPath?(request: DnsRequest): readonly (readonly string[])[] | undefined;
  /** What `k8s_external` makes names of. */
  readonly cluster?: ClusterSource;
  /** Every record of a zone for `transfer`, SOA first; undefined when it is not its zone. */
  transfer?(zoneKey: string): ZoneTransfer | undefined;
  /** Told by plugins of the block when a zone of theirs has become another, and at the start. */
  zoneChanged?(zone: Zone): void;
}

/** A cluster's objects, for other plugins of the block. */
export interface ClusterSource {
  readonly index: ClusterIndex;
  /** Until then a name that is not there may be one that is not known yet. */
  readonly synced: boolean;
  /** As the records of the cluster's own zones are made. */
  readonly planOptions: PlanOptions;
  /** `listener` gets the look-ups, as by `lookupKey`, whose results have changed. */
  onChange(listener: (lookups: readonly string[]) => void): void;
}

/** Answers put into its table are given to clients without asking the chain. */
export interface ExpressLane {
  readonly table: AnswerTable;
  /** The zones (keys) that this is true for: those of `expressZones` that every plugin before passes. */
  readonly zones: ReadonlySet<string>;
  /**
   * Whether every query for a name of the zone (by its key) that does not exist comes here: no other zone of the
   * server is within it, and no plugin before makes something of such names.
   */
  takesAbsent(zoneKey: string): boolean;
  readonly counts: AnswerCounts;
  /** The configuration is no longer in force: nothing may be put in any more. */
  readonly closed: boolean;
}

export interface ZoneTransfer {
  readonly serial: number;
  records(): Iterable<DnsRecord>;
}

/** The server block that a query came into. */
export interface BlockContext {
  readonly keys: readonly BlockKey[];
  /** As metrics and logs name it: `dns://:53`. */
  readonly server: string;
  /** As metrics name it: `cluster.local.`. */
  readonly zone: string;
  /** Name of its `view`; empty: none. */
  readonly view: string;
  /** The block's plugins in the order of the chain; complete when `start()` runs. */
  readonly plugins: readonly PluginInstance[];
  metadata(request: DnsRequest, name: string): string | undefined;
  /** Answers a query of the server's own, such as for the target of a CNAME, by whichever block it belongs to. */
  resolve(request: DnsRequest): DnsReply;
  /** By name of the plugin that may use it. */
  readonly express: ReadonlyMap<string, ExpressLane>;
}

/** CoreDNS's words, as its log lines begin with them. */
export type LogLevel = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

/** What plugins are made with. */
export interface SetupContext {
  readonly block: BlockContext;
  readonly root: string;
  /** Addresses that the block listens on; undefined: all. */
  readonly bound: readonly string[] | undefined;
  readonly metrics: MetricRegistry;
  /** A line of the log, with level and plugin before it. */
  readonly log: (message: string, level?: LogLevel) => void;
  /** A line of the query log, as it is. */
  readonly logQuery: (line: string) => void;
  /** Disposed when the block goes: at the end and after a reload. */
  readonly stack: AsyncDisposableStack;
  /** Fires at the same time. */
  readonly signal: AbortSignal;
  /** The API server, as the command line says: `--kubeconfig`, else from within a pod. */
  readonly apiClient: (onResponse?: ClientConfig['onResponse']) => Promise<ApiClient>;
  /** The whole server, for plugins that look beyond their block. */
  readonly server: ServerContext;
}

export interface ServerContext {
  /** Pages over HTTP, shared by the blocks and kept over reloads. */
  readonly pages: HttpPages;
  /** What is counted of queries, in the text format of Prometheus. */
  answerMetrics(): string;
  /** The blocks of the running configuration. */
  readonly blocks: readonly BlockContext[];
  /** Reads the Corefile again and takes it over if it is sound; rejects (and keeps the old) otherwise. */
  reload(): Promise<void>;
  /** Text of the Corefile with all that it imports, to see changes by. */
  corefileText(): Promise<string>;
  /** What it was when this configuration was loaded, or a little before. */
  readonly loadedText: string;
  /** What outlives a reload where both configurations want it. */
  readonly kept: KeptParts;
  /** Where its files are, so that changes can be noticed at once. */
  readonly corefileFolders: readonly string[];
}
