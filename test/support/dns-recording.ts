/** Recorded cases of test/fixtures/dns: objects and a Corefile, queries, and what CoreDNS 1.15 answered. */
import { readdirSync, readFileSync } from 'node:fs';
import type { KubeObject } from '#api/machinery/object.ts';

export interface RecordedRecord {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly data: string;
  /** Other than IN. */
  readonly class?: string;
}

export interface RecordedEdns {
  readonly size: number;
  readonly version: number;
  readonly do: boolean;
  readonly options?: readonly { readonly code: number; readonly hex: string }[];
}

export interface RecordedAnswer {
  readonly rcode: string;
  /** Other than QUERY. */
  readonly opcode?: string;
  readonly flags: readonly string[];
  /** `NAME CLASS TYPE`. */
  readonly question: readonly string[];
  readonly answer: readonly RecordedRecord[];
  readonly authority: readonly RecordedRecord[];
  readonly additional: readonly RecordedRecord[];
  readonly edns: RecordedEdns | null;
  /** Whether all CNAME records come before all others; only where there are both. */
  readonly cnameFirst?: boolean;
  /** Of a zone transfer. */
  readonly soaFirstAndLast?: boolean;
  /** Whether repeated questions got their answers in several orders. */
  readonly orderVaries?: boolean;
  /** Data of the first record. */
  readonly first?: string;
  /** Bytes; only of answers that are compared as truncated. */
  readonly size?: number;
}

/** What came of something else than a question: a page, metrics by name, a log, or nothing at all. */
export type RecordedResult = RecordedAnswer | Readonly<Record<string, unknown>>;

interface Question {
  readonly q: string;
  readonly type?: string;
  readonly class?: string;
}

/** What goes over the wire. */
export interface RecordedQuery extends Partial<Question> {
  /** Header bits, as 0 and 1 or false and true; RD is set unless told otherwise. */
  readonly flags?: Readonly<Record<string, boolean | number>>;
  readonly opcode?: string;
  readonly questions?: readonly Question[];
  readonly authority?: readonly RecordedRecord[];
  readonly edns?: SentEdns | readonly SentEdns[];
  /** Bytes in hex, in place of all that. */
  readonly raw?: string;
}

export interface SentEdns extends Partial<RecordedEdns> {
  readonly z?: number;
}

/** One step of a case: a question, or one of the other things that `Step` can do. */
export interface RecordedEntry extends RecordedQuery {
  readonly transport?: 'udp' | 'tcp';
  readonly source?: string;
  readonly noPrefix?: boolean;
  readonly timeout?: number;
  readonly to?: 'PORT2';
  readonly repeat?: number;
  readonly checkFirst?: boolean;
  readonly ttl?: number | 'any' | 'atMost';
  readonly compare?: 'rcode' | 'truncated' | 'full';
  readonly start?: boolean;
  readonly get?: string;
  readonly metrics?: string;
  readonly upstreamLog?: string;
  readonly apply?: string;
  readonly api?: 'hold' | 'release' | 'drop' | 'compact';
  readonly wait?: number;
  readonly writeFile?: string;
  readonly text?: string;
  readonly upstream?: string;
  readonly up?: boolean;
}

/** What a scripted server answers to a name: `NAME`, `*.NAME` for all below it, or `*`. */
export interface UpstreamRule {
  readonly name?: string;
  readonly type?: string;
  readonly rcode?: string;
  readonly aa?: boolean;
  /** True by default. */
  readonly ra?: boolean;
  readonly ad?: boolean;
  /** `{name}` is the name that was asked for, and so is none. */
  readonly answer?: readonly UpstreamRecord[];
  readonly authority?: readonly UpstreamRecord[];
  readonly additional?: readonly UpstreamRecord[];
  /** Changes of the rule by turn; the last one stays. */
  readonly seq?: readonly UpstreamRule[];
  /** TXT with how often the rule was asked. */
  readonly count?: boolean;
  /** TXT with what arrived. */
  readonly echo?: boolean;
  /** So many addresses. */
  readonly many?: number;
  /** Of records made by `count`, `echo` and `many`. */
  readonly ttl?: number;
  readonly tc?: boolean;
  /** Truncated and empty over UDP. */
  readonly tcUdp?: boolean;
  readonly drop?: boolean;
}

export type UpstreamRecord = Omit<RecordedRecord, 'name'> & { readonly name?: string };

export interface RecordedCase {
  readonly name: string;
  readonly area: string;
  readonly fixture?: string;
  readonly objects?: readonly KubeObject[];
  readonly corefile: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly upstreams?: Readonly<Record<string, readonly UpstreamRule[]>>;
  readonly changes?: Readonly<
    Record<string, readonly { readonly op?: 'apply' | 'delete'; readonly object: KubeObject }[]>
  >;
  readonly start?: { readonly hold?: boolean; readonly down?: readonly string[]; readonly fails?: boolean };
  readonly queries: readonly RecordedEntry[];
  /** Parallel to `queries`; actions have none. */
  readonly answers: readonly (RecordedResult | null)[];
}

const FOLDER = new URL('../fixtures/dns/', import.meta.url);

export function readRecordedCases(): RecordedCase[] {
  const files = readdirSync(new URL('cases/', FOLDER)).toSorted();
  return files.flatMap((file) => readJson(`cases/${file}`) as RecordedCase[]);
}

/** The objects of a case. */
export function objectsOf({ objects, fixture }: RecordedCase): readonly KubeObject[] {
  if (objects !== undefined || fixture === undefined) return objects ?? [];
  return (readJson(`objects/${fixture}.json`) as { items: KubeObject[] }).items;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, FOLDER), 'utf8'));
}

/** Whether an entry does something, in place of asking for something. */
export function isAction({ apply, api, wait, writeFile, upstream }: RecordedEntry): boolean {
  return [apply, api, wait, writeFile, upstream].some((action) => action !== undefined);
}

/** Cases of an area that one server can answer one after the other: of the same objects, Corefile and files, without actions. */
export function groupByServer(cases: readonly RecordedCase[]): RecordedCase[][] {
  const groups = Map.groupBy(cases, (recorded) => {
    const { area, fixture, objects, corefile, files, changes, start, upstreams, queries, name } = recorded;
    const own = changes ?? start ?? upstreams ?? queries.find(isAction);
    return own === undefined ? JSON.stringify([area, fixture, objects, corefile, files]) : name;
  });
  return [...groups.values()];
}

/** Puts values in for `{{NAME}}` wherever it is. */
export function fill<T>(value: T, values: ReadonlyMap<string, string>): T {
  const filled = JSON.stringify(value).replaceAll(
    /\{\{([A-Z0-9-]+)\}\}/g,
    (whole, name: string) => values.get(name) ?? whole,
  );
  return JSON.parse(filled) as T;
}
