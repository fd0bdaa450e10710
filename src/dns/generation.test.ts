import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#api/machinery/object.ts';
import { request } from '#test/support/dns-plugin.ts';
import { startFakeApi } from '#test/support/fake-api.ts';
import { ResponseCode } from '#wire/dns.ts';
import type { PreparedAnswer } from '#wire/dns-answer.ts';
import { AnswerMetrics } from './answer-metrics.ts';
import { AnswerTable } from './answer-table.ts';
import { readConfiguration } from './configuration.ts';
import { type SharedParts, setUpGeneration } from './generation.ts';
import { HttpPages } from './http-pages.ts';
import { KeptParts } from './kept-parts.ts';
import { MetricRegistry } from './metric-registry.ts';

const SHARED: SharedParts = {
  metrics: new MetricRegistry(),
  answers: new AnswerMetrics(),
  pages: new HttpPages(),
  log: () => {},
  apiClient: () => Promise.reject(new Error('not asked for')),
  tableOf: () => new AnswerTable(),
  reload: () => Promise.resolve(),
  corefileText: () => Promise.resolve(''),
  loadedText: '',
  corefileFolders: [],
  kept: new KeptParts(),
};

/** Names of the plugins whose answers may be given without asking the chain. */
async function expressPlugins(plugins: string): Promise<string[]> {
  await using api = await startFakeApi([]);
  const text = `.:53 {\nkubernetes cluster.local {\nendpoint ${api.url}\n}\n${plugins}\n}`;
  await using generation = await setUpGeneration(readConfiguration(text, 'Corefile'), SHARED);
  const [site] = generation.servers[0]?.sites.get('\0') ?? [];
  return [...(site?.express.keys() ?? [])];
}

test('setUpGeneration() lets answers of kubernetes out of the chain where all plugins before it pass them', async () => {
  const kubeadm =
    'errors\nforward . 127.0.0.1\ncache 30 {\ndisable success cluster.local\ndisable denial cluster.local\n}\nloop\nreload\nloadbalance';
  assert((await expressPlugins(kubeadm)).includes('kubernetes'));
  assert((await expressPlugins('autopath @kubernetes\ntransfer {\nto *\n}')).includes('kubernetes'));
});

for (const plugins of [
  'log',
  'rewrite name exact a.example b.example',
  'template IN A cluster.local {\nrcode NXDOMAIN\n}',
]) {
  test(`setUpGeneration() asks the chain for every query with ${JSON.stringify(plugins)}`, async () => {
    assert.deepEqual(await expressPlugins(plugins), []);
  });
}

/** An answer in the table of each of two servers, both of one block, that is asked. */
async function tablesAfterAsking(plugins: string, name: string): Promise<(PreparedAnswer | undefined)[]> {
  const tables = new Map<string, AnswerTable>();
  const tableOf = (server: string): AnswerTable => {
    const table = tables.get(server) ?? new AnswerTable();
    tables.set(server, table);
    return table;
  };
  const text = `.:53 {\nbind 127.0.0.1 127.0.0.2\n${plugins}\n}`;
  await using generation = await setUpGeneration(readConfiguration(text, 'Corefile'), { ...SHARED, tableOf });
  await generation.start();
  for (let round = 0; round < 2; round++) {
    for (const { sites } of generation.servers) {
      const [site] = sites.get('\0') ?? [];
      await site?.answer(request(name, 'A', { block: site }));
    }
  }
  return [...tables.values()].map((table) => table.find(request(name, 'A').query.message)?.prepared);
}

test('an answer is put into the table of each server that it is asked on', async () => {
  await using api = await startFakeApi([
    { kind: 'Namespace', metadata: { name: 'default' } },
    {
      kind: 'Service',
      metadata: { namespace: 'default', name: 'web' },
      spec: { clusterIPs: ['10.96.0.20'] },
    },
  ] as KubeObject[]);
  const kubernetes = `kubernetes cluster.local {\nendpoint ${api.url}\n}`;
  const cached = await tablesAfterAsking('cache\nhosts {\n192.0.2.1 a.example\n}', 'a.example');
  const known = await tablesAfterAsking(kubernetes, 'web.default.svc.cluster.local');
  for (const [first, second] of [cached, known]) {
    assert(first !== undefined);
    assert.equal(first, second);
  }
});

test('setUpGeneration() refuses every query of a block whose plugins have no part in answers, as CoreDNS does', async () => {
  const rcodeWith = async (plugins: string): Promise<number> => {
    await using generation = await setUpGeneration(
      readConfiguration(`. {\n${plugins}\n}`, 'Corefile'),
      SHARED,
    );
    const [site] = generation.servers[0]?.sites.get('\0') ?? [];
    const result = await site?.answer(request('a.example', 'A'));
    assert(typeof result === 'object' && 'rcode' in result);
    return result.rcode;
  };
  assert.equal(await rcodeWith('bind 127.0.0.1\nreload'), ResponseCode.REFUSED);
  assert.equal(await rcodeWith('errors'), ResponseCode.SERVFAIL);
});
