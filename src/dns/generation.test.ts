import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '#test/support/dns-plugin.ts';
import { startFakeApi } from '#test/support/fake-api.ts';
import { ResponseCode } from '#wire/dns.ts';
import { AnswerMetrics } from './answer-metrics.ts';
import { AnswerTable } from './answer-table.ts';
import { readConfiguration } from './configuration.ts';
import { type SharedParts, setUpGeneration } from './generation.ts';
import { HttpPages } from './http-pages.ts';
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
  corefileFolders: [],
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
