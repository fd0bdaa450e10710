/** What CoreDNS was recorded to answer, asked of our server: the cases that need nothing but a cluster's objects. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { KubeObject } from '#api/machinery/object.ts';
import { AnswerMetrics } from '#dns/answer-metrics.ts';
import { SiteService } from '#dns/answer-query.ts';
import { AnswerTable } from '#dns/answer-table.ts';
import type { ConfiguredBlock } from '#dns/configuration.ts';
import { corefileSource } from '#dns/corefile-source.ts';
import { setUpGeneration } from '#dns/generation.ts';
import { HttpPages } from '#dns/http-pages.ts';
import { MetricRegistry } from '#dns/metric-registry.ts';
import { CLASS_IN, encodeQuery, HeaderFlag, parseName, typeNumber } from '#wire/dns.ts';
import { type RecordedAnswer, wordRecorded, wordResponse } from './support/dns-wording.ts';
import { startFakeApi } from './support/fake-api.ts';

interface RecordedQuery {
  readonly q?: string;
  readonly type: string;
  readonly transport?: 'udp' | 'tcp';
  readonly source?: string;
  readonly edns?: { readonly size?: number; readonly do?: boolean; readonly version?: number };
  readonly start?: boolean;
}

interface RecordedCase {
  readonly name: string;
  readonly area: string;
  readonly fixture?: string;
  readonly objects?: readonly KubeObject[];
  readonly corefile: string;
  readonly queries: readonly RecordedQuery[];
  readonly answers: readonly (RecordedAnswer & { readonly started?: boolean })[];
  readonly start?: { readonly fails?: boolean };
}

/** Keys of cases and queries that this test has no part for; they are replayed against the whole command elsewhere. */
const MORE_OF_CASE = ['files', 'upstreams', 'changes'];
const PLAIN_QUERY = new Set(['q', 'type', 'transport', 'source', 'edns']);
const NEEDS_MORE =
  /selector|labels|metadata|k8s_external|kubeconfig|HOSTIP|\{\{(?:UP|DIR|HEALTH|METRICS|PORT2)/;

/** Differences that docs/dns-differences.md gives reasons for, by case and query. */
const DIFFERENT = new Set(['truncation-three-hundred 1']);

const FOLDER = new URL('./fixtures/dns/', import.meta.url);

function read(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, FOLDER), 'utf8'));
}

function readCases(path: string): RecordedCase[] {
  return read(path) as RecordedCase[];
}

/** Cases about the machine's own address, and about pods that the API server's field selector leaves out. */
const NOT_HERE = new Set(['apex-ns-headless', 'apex-ns-service', 'pods-verified-v4']);

function isPlain(recorded: RecordedCase): boolean {
  if (NOT_HERE.has(recorded.name)) return false;
  if (MORE_OF_CASE.some((key) => key in recorded) || recorded.start !== undefined) return false;
  if (NEEDS_MORE.test(recorded.corefile)) return false;
  return recorded.queries.every(
    (query) =>
      Object.keys(query).every((key) => PLAIN_QUERY.has(key)) &&
      (query.edns?.version ?? 0) === 0 &&
      !Array.isArray(query.edns),
  );
}

/** The server's service without sockets. */
async function serve(t: TestContext, blocks: readonly ConfiguredBlock[]): Promise<SiteService> {
  const metrics = new MetricRegistry();
  const table = new AnswerTable();
  const generation = await setUpGeneration(blocks, {
    metrics,
    answers: new AnswerMetrics(),
    pages: new HttpPages(),
    log: () => {},
    apiClient: () => Promise.reject(new Error('the Corefile says which API server')),
    tableOf: () => table,
    reload: () => Promise.resolve(),
    corefileText: () => Promise.resolve(''),
  });
  t.after(() => generation[Symbol.asyncDispose]());
  await generation.start();
  const service = new SiteService(table, metrics.counter('panics', 'none').with(), (line) =>
    assert.fail(line),
  );
  service.sites = generation.servers[0]?.sites ?? new Map();
  return service;
}

async function ask(service: SiteService, query: RecordedQuery): Promise<readonly Buffer[]> {
  const { q = '', type, transport = 'udp', source = '127.0.0.1', edns } = query;
  const name = parseName(q) ?? assert.fail(`${q} is no name`);
  const opt = edns && {
    udpSize: edns.size ?? 1232,
    extendedRcode: 0,
    version: 0,
    dnssecOk: edns.do === true,
  };
  const bytes = encodeQuery(1, { name, type: typeNumber(type) ?? 0, class: CLASS_IN }, HeaderFlag.RD, opt);
  const local = { address: '127.0.0.1', port: 53 };
  const response = await service.answer(bytes, { transport, family: 4, address: source, port: 1, local });
  return Buffer.isBuffer(response) ? [response] : (response ?? []);
}

async function replay(t: TestContext, recorded: RecordedCase): Promise<void> {
  const objects =
    recorded.objects ??
    (read(`objects/${recorded.fixture ?? 'small'}.json`) as { items: KubeObject[] }).items;
  await using api = await startFakeApi(objects);
  const values: Readonly<Record<string, string>> = { API: api.url, PORT: '0', READY: '127.0.0.1:0' };
  const text = recorded.corefile.replaceAll(/\{\{(\w+)\}\}/g, (_, key: string) => values[key] ?? '');
  const service = await serve(t, await corefileSource({ text, name: 'Corefile' }).load());
  for (const [i, query] of recorded.queries.entries()) {
    const expected = recorded.answers[i];
    if (expected?.rcode === undefined || DIFFERENT.has(`${recorded.name} ${i}`)) continue;
    const title = `${query.q} ${query.type} ${query.transport ?? 'udp'}`;
    assert.deepEqual(wordResponse(await ask(service, query)), wordRecorded(expected), title);
  }
}

const AREAS = [
  'apex',
  'case',
  'clusterip',
  'fallthrough',
  'headless',
  'multicluster',
  'negative',
  'options',
  'pods',
  'ptr',
  'srv',
  'transfer',
  'types',
  'zonal',
];

for (const area of AREAS) {
  const cases = readCases(`cases/${area}.json`).filter(isPlain);
  for (const recorded of cases) test(`recorded: ${recorded.name}`, (t) => replay(t, recorded));
}

test('every Corefile that CoreDNS refuses is refused, with its line', async () => {
  const cases = readdirSync(new URL('cases/', FOLDER)).flatMap((file) => readCases(`cases/${file}`));
  const refused = cases.filter(
    ({ start, answers }) => start?.fails === true && answers[0]?.started === false,
  );
  assert(refused.length > 20, String(refused.length));
  for (const { name, corefile } of refused) {
    const text = corefile.replaceAll('{{PORT}}', '5300').replaceAll('{{API}}', 'http://127.0.0.1:1');
    await assert.rejects(
      corefileSource({ text, name: 'Corefile' }).load(),
      /^CorefileError: Corefile:\d+: /,
      name,
    );
  }
});
