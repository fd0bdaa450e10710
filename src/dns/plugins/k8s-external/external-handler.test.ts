import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerCounts } from '#dns/answer-counts.ts';
import { AnswerTable } from '#dns/answer-table.ts';
import { ClusterIndex } from '#dns/cluster-index.ts';
import type { ServiceEntry } from '#dns/cluster-view.ts';
import type { BlockContext, ClusterSource, PluginInstance } from '#dns/plugin.ts';
import { zoneOf } from '#dns/zone.ts';
import { ask, BLOCK, request, texts } from '#test/support/dns-plugin.ts';
import { ExternalHandler } from './external-handler.ts';

const ZONE = zoneOf(['ext', 'example']);
const WEB: ServiceEntry = {
  namespace: 'shop',
  name: 'web',
  kind: 'cluster-ip',
  clusterIps: [],
  ports: [{ name: 'http', protocol: 'tcp', port: 80 }],
  externalName: '',
  externals: ['203.0.113.9'],
};

/** A handler whose answers have a table to go into. */
function start({ synced = true } = {}) {
  const listeners: ((lookups: readonly string[]) => void)[] = [];
  const index = new ClusterIndex((lookups) => {
    for (const listener of listeners) listener(lookups);
  });
  index.setNamespace('shop', true);
  index.setService('shop', 'web', WEB);
  const cluster: ClusterSource = {
    index,
    synced,
    planOptions: {
      primaryZone: [],
      pods: 'disabled',
      ttl: 30,
      ignoreEmpty: false,
      soaSerial: 7,
      ownAddresses: [],
    },
    onChange: (listener) => void listeners.push(listener),
  };
  const plugins: PluginInstance[] = [{ name: 'kubernetes', cluster }];
  const table = new AnswerTable();
  const lane = {
    table,
    zones: new Set([ZONE.key]),
    counts: new AnswerCounts(),
    closed: false,
    takesAbsent: () => false,
  };
  const block: BlockContext = { ...BLOCK, plugins, express: new Map([['k8s_external', lane]]) };
  const config = { zones: [ZONE], fallthrough: [], apex: 'dns', ttl: 5, headless: false };
  const handler = new ExternalHandler(config, { block });
  handler.start();
  const answer = async (name: string, type = 'A') => {
    const result = await ask(handler, request(name, type, { block }));
    return result === 'dropped' ? assert.fail(result) : result;
  };
  return { index, table, answer, handler };
}

test('answers go into the table, and out of it when their Service changes', async () => {
  const { index, table, answer } = start();
  for (const type of ['A', 'AAAA', 'SRV']) await answer('web.shop.ext.example', type);
  assert.equal(table.size, 3);
  index.setService('shop', 'web', { ...WEB, externals: ['203.0.113.10'] });
  const { answers } = await answer('web.shop.ext.example');
  assert.deepEqual(texts(answers), ['web.shop.ext.example 5 203.0.113.10']);
});

test('names of which there is no end, and what one client wrote its way, are answered and not kept', async () => {
  const { table, answer } = start();
  for (const name of ['x1.web.shop', 'x2.web.shop', 'WEB.shop', 'nobody.shop', 'shop', 'dns', 'ns1.dns'])
    await answer(`${name}.ext.example`);
  assert.equal(table.size, 0);
});

test('before the first lists, a name that is not known may exist', async () => {
  assert.equal((await start({ synced: false }).answer('nobody.shop.ext.example')).rcode, 2);
  assert.equal((await start().answer('nobody.shop.ext.example')).rcode, 3);
});

test('passes() is about zones that have nothing in common with its own', () => {
  const { handler } = start();
  const passed = ['cluster.local', 'ext.example', 'a.ext.example', 'example', '.'].filter((zone) =>
    handler.passes(zoneOf(zone === '.' ? [] : zone.split('.')).key),
  );
  assert.deepEqual(passed, ['cluster.local']);
});
