import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { KubeObject } from '#api/machinery/object.ts';
import { startFakeApi } from '#test/support/fake-api.ts';
import {
  CLASS_IN,
  decodeMessage,
  encodeQuery,
  HeaderFlag,
  parseName,
  RecordType,
  typeNumber,
} from '#wire/dns.ts';
import { laneOf } from './answer-counts.ts';
import { AnswerMetrics } from './answer-metrics.ts';
import { SiteService } from './answer-query.ts';
import { AnswerTable } from './answer-table.ts';
import { readConfiguration } from './configuration.ts';
import { setUpGeneration } from './generation.ts';
import type { Client } from './handler.ts';
import { HttpPages } from './http-pages.ts';
import { KeptParts } from './kept-parts.ts';
import { MetricRegistry } from './metric-registry.ts';

const OBJECTS: KubeObject[] = [
  { kind: 'Namespace', metadata: { name: 'default' } },
  {
    kind: 'Service',
    metadata: { namespace: 'default', name: 'web' },
    spec: { clusterIPs: ['10.96.0.20'], ports: [{ port: 80 }] },
  } as KubeObject,
];
const CLIENT: Client = {
  transport: 'udp',
  family: 4,
  address: '192.0.2.1',
  port: 4242,
  local: { address: '192.0.2.2', port: 53 },
};

function query(name: string, type: number = RecordType.A, dnssecOk = false): Buffer {
  const edns = dnssecOk ? { udpSize: 1232, extendedRcode: 0, version: 0, dnssecOk } : undefined;
  return encodeQuery(7, { name: parseName(name) ?? [], type, class: CLASS_IN }, HeaderFlag.RD, edns);
}

/** A configuration at work in front of an API server; `API` in it is the server's URL. */
async function start(t: TestContext, corefile: string) {
  const api = await startFakeApi(OBJECTS);
  const table = new AnswerTable();
  const blocks = readConfiguration(corefile.replaceAll('API', api.url), 'Corefile');
  const metrics = new MetricRegistry();
  const generation = await setUpGeneration(blocks, {
    metrics,
    answers: new AnswerMetrics(),
    pages: new HttpPages(),
    log: () => {},
    apiClient: () => Promise.reject(new Error('not asked for')),
    tableOf: () => table,
    reload: () => Promise.resolve(),
    corefileText: () => Promise.resolve(''),
    loadedText: '',
    corefileFolders: [],
    kept: new KeptParts(),
  });
  t.after(async () => {
    await generation[Symbol.asyncDispose]();
    await api[Symbol.asyncDispose]();
  });
  await generation.start();
  const service = new SiteService(table, metrics.counter('panics', 'Of the test.').with(), () => {});
  service.sites = generation.servers[0]?.sites ?? new Map();
  return {
    api,
    table,
    chain: async (message: Buffer) => {
      const response = await service.answer(Buffer.from(message), CLIENT);
      return Buffer.isBuffer(response) ? response : assert.fail('no answer');
    },
  };
}

/** What the table says without the chain. */
function fast(table: AnswerTable, message: Buffer): Buffer | undefined {
  const bytes = Buffer.alloc(4096);
  message.copy(bytes);
  const length = table.answer(bytes, 0, message.length, 4096, laneOf('udp', 4));
  return length < 0 ? undefined : Buffer.from(bytes.subarray(0, length));
}

const KUBERNETES = 'kubernetes cluster.local in-addr.arpa {\nendpoint API\n';

test('after the first, names that do not exist are answered from the table as the chain would', async (t) => {
  const { table, chain } = await start(t, `. {\n${KUBERNETES}}\n}`);
  assert.equal(fast(table, query('nobody.default.svc.cluster.local')), undefined);
  await chain(query('nobody.default.svc.cluster.local'));
  for (const name of [
    'nobody.default.svc.cluster.local',
    'example.org.default.svc.cluster.local',
    'Example.ORG.svc.Cluster.local',
    'a.b.c.d.e.f.cluster.local',
  ]) {
    for (const type of [RecordType.A, RecordType.AAAA]) {
      for (const dnssecOk of [false, true]) {
        const message = query(name, type, dnssecOk);
        assert.deepEqual(fast(table, message), await chain(message), name);
      }
    }
  }
  assert.equal(table.size, 0, 'nothing is kept of such names');
});

test('types that a name does not have are answered from the table, in whatever case they were asked first', async (t) => {
  const { table, chain } = await start(t, `. {\n${KUBERNETES}}\n}`);
  const https = typeNumber('HTTPS') ?? assert.fail();
  for (const type of [RecordType.AAAA, https]) {
    await chain(query('Web.default.SVC.cluster.local', type));
    for (const name of ['web.default.svc.cluster.local', 'WEB.Default.svc.Cluster.Local']) {
      const message = query(name, type);
      assert.deepEqual(fast(table, message), await chain(message));
    }
  }
});

test('a name that comes into being is no longer denied by the table', async (t) => {
  const { api, table, chain } = await start(t, `. {\n${KUBERNETES}}\n}`);
  const message = query('new.default.svc.cluster.local');
  await chain(message);
  assert.equal(decodeMessage(fast(table, message) ?? assert.fail()).rcode, 3);
  api.apply({
    kind: 'Service',
    metadata: { namespace: 'default', name: 'new' },
    spec: { clusterIPs: ['10.96.0.21'], ports: [{ port: 80 }] },
  } as KubeObject);
  while (decodeMessage(await chain(message)).rcode === 3) await setImmediate();
  const answer = fast(table, message);
  assert.equal(answer === undefined ? 1 : decodeMessage(answer).answers.length, 1);
});

for (const [why, corefile] of [
  ['another block has part of the zone', `. {\n${KUBERNETES}}\n}\nx.cluster.local {\nwhoami\n}`],
  ['another block has the zone', `. {\n${KUBERNETES}}\n}\ncluster.local {\nwhoami\n}`],
  ['unknown names are handed on', `. {\n${KUBERNETES}fallthrough\n}\nwhoami\n}`],
  ['some unknown names are handed on', `. {\n${KUBERNETES}fallthrough x.cluster.local\n}\nwhoami\n}`],
  [
    'another zone of the plugin is within',
    `. {\nkubernetes cluster.local x.cluster.local {\nendpoint API\n}\n}`,
  ],
  ['a search path may be walked', `. {\nautopath @kubernetes\n${KUBERNETES}pods verified\n}\n}`],
  ['a plugin looks at every answer', `. {\nlog\n${KUBERNETES}}\n}`],
] as const) {
  test(`names that do not exist are left to the chain where ${why}`, async (t) => {
    const { table, chain } = await start(t, corefile);
    await chain(query('nobody.x.cluster.local'));
    await chain(query('nobody.default.svc.cluster.local'));
    assert.equal(fast(table, query('nobody.default.svc.cluster.local')), undefined);
  });
}
