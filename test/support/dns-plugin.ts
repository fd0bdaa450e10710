/** For tests of plugins: directives from text, requests and contexts without a server. */
import { type Directive, parseCorefile } from '#dns/corefile/parse.ts';
import { structured } from '#dns/finish-answer.ts';
import {
  type Answerer,
  type Client,
  type DnsAnswer,
  type DnsReply,
  type DnsRequest,
  DROP,
} from '#dns/handler.ts';
import { HttpPages } from '#dns/http-pages.ts';
import { KeptParts } from '#dns/kept-parts.ts';
import { MetricRegistry } from '#dns/metric-registry.ts';
import type { BlockContext, ParseScope, Plugin, PluginInstance, SetupContext } from '#dns/plugin.ts';
import { ROOT } from '#dns/zone.ts';
import {
  CLASS_IN,
  type DnsRecord,
  type Edns,
  encodeQuery,
  HeaderFlag,
  parseName,
  typeNumber,
} from '#wire/dns.ts';
import { readQuery } from '#wire/dns-query.ts';
import { parseRecord } from '#wire/dns-text.ts';

export const SCOPE: ParseScope = {
  keys: [{ scheme: 'dns', zone: ROOT, port: 53 }],
  plugins: new Set(),
  root: '/',
  warn: () => undefined,
};

/** The directives of a server block with this text in it. */
export function directives(text: string): readonly Directive[] {
  return parseCorefile(`. {\n${text}\n}\n`, 'Corefile')[0]?.directives ?? [];
}

/** The only directive. */
export function directive(text: string): Directive {
  const [first] = directives(text);
  if (first === undefined) throw new Error('no directive');
  return first;
}

export interface RequestOptions {
  readonly client?: Partial<Client> | undefined;
  readonly edns?: Edns | undefined;
  /** `HeaderFlag`s; RD by default. */
  readonly flags?: number | undefined;
  readonly block?: Partial<BlockContext> | undefined;
}

/** A query for a name and a type as `typeNumber()` reads it. */
export function request(
  name: string,
  type: string,
  { client, edns, flags, block }: RequestOptions = {},
): DnsRequest {
  const question = { name: parseName(name) ?? [], type: typeNumber(type) ?? 0, class: CLASS_IN };
  const query = readQuery(encodeQuery(7, question, flags ?? HeaderFlag.RD, edns));
  if ('rejected' in query) throw new Error('no query');
  const local = { address: '127.0.0.1', port: 53 };
  return {
    query,
    client: { transport: 'udp', family: 4, address: '192.0.2.9', port: 4242, local, ...client },
    limit: 512,
    block: { ...BLOCK, ...block },
    answeredBy: '',
    depth: 0,
  };
}

export const BLOCK: BlockContext = {
  keys: SCOPE.keys,
  server: 'dns://:53',
  zone: '.',
  view: '',
  plugins: [],
  metadata: () => undefined,
  resolve: () => answer([]),
  express: new Map(),
};

/** An answer with records in presentation form. */
export function answer(records: readonly string[], change: Partial<DnsAnswer> = {}): DnsAnswer {
  const answers = records.map((text) => parseRecord(text));
  return { rcode: 0, flags: HeaderFlag.AA, answers, authorities: [], additionals: [], ...change };
}

export interface TestContext extends SetupContext {
  readonly logged: string[];
}

export function testContext(stack: AsyncDisposableStack, block: Partial<BlockContext> = {}): TestContext {
  const ending = new AbortController();
  stack.defer(() => ending.abort(new Error('the test is over')));
  const logged: string[] = [];
  const metrics = new MetricRegistry();
  return {
    block: { ...BLOCK, ...block },
    root: '/',
    bound: undefined,
    metrics,
    log: (message) => logged.push(message),
    logQuery: (line) => logged.push(line),
    logged,
    stack,
    signal: ending.signal,
    apiClient: () => Promise.reject(new Error('there is no API server in this test')),
    server: {
      answerMetrics: () => '',
      pages: new HttpPages(),
      blocks: [],
      reload: () => Promise.resolve(),
      corefileText: () => Promise.resolve(''),
      loadedText: '',
      corefileFolders: [],
      kept: new KeptParts(),
    },
  };
}

/** A plugin at work, as the lines of a server block say. */
export async function instance(plugin: Plugin, text: string, context: SetupContext): Promise<PluginInstance> {
  return plugin.parse(directives(text), SCOPE).setup(context);
}

/** What a plugin says to a request; `next` answers what it hands on. */
export async function ask(
  plugin: PluginInstance,
  query: DnsRequest,
  next: Answerer = nobody,
): Promise<DnsAnswer | 'dropped'> {
  const reply: DnsReply = plugin.handle?.(query, next) ?? next(query);
  const result = await reply;
  return result === DROP ? 'dropped' : structured(result);
}

const nobody: Answerer = () => answer([], { rcode: 2, flags: 0 });

/** Owner, TTL and data of records, shortly. */
export function texts(records: readonly DnsRecord[]): string[] {
  return records.map(({ name, ttl, data }) => {
    const value =
      'address' in data ? data.address : 'target' in data ? data.target.join('.') : JSON.stringify(data);
    return `${name.join('.')} ${ttl} ${value}`;
  });
}
