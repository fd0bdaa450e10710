import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, BLOCK, request } from '#test/support/dns-plugin.ts';
import { AnswerCounts } from './answer-counts.ts';
import { AnswerTable } from './answer-table.ts';
import { ClusterIndex } from './cluster-index.ts';
import type { KubernetesConfig } from './kubernetes-config.ts';
import { KubernetesHandler } from './kubernetes-handler.ts';
import type { BlockContext } from './plugin.ts';
import { zoneOf } from './zone.ts';

const ZONE = zoneOf(['cluster', 'local']);
const CONFIG = {
  zones: [ZONE],
  multicluster: [],
  fallthrough: [],
  pods: 'verified',
  ttl: 30,
  zonal: true,
  ignoreEmpty: false,
} as unknown as KubernetesConfig;

/** A handler with a headless Service and a pod, whose answers have a table to go into. */
function start() {
  const cluster = new ClusterIndex();
  cluster.setNamespace('shop', true);
  const ports = [{ name: 'http', protocol: 'tcp', port: 80 }];
  const service = {
    namespace: 'shop',
    name: 'peers',
    ports,
    clusterIps: [],
    externalName: '',
    externals: [],
  };
  cluster.setService('shop', 'peers', { ...service, kind: 'headless' });
  const addresses = [{ address: '10.1.0.1', hostname: 'one', zone: 'east' }];
  const slice = {
    namespace: 'shop',
    name: 'peers-1',
    service: 'peers',
    cluster: undefined,
    ports,
    addresses,
  };
  cluster.setSlice('shop/peers-1', slice);
  cluster.setPod('shop/one', { namespace: 'shop', name: 'one', addresses: ['10.1.0.1'] });
  const handler = new KubernetesHandler(CONFIG, { cluster, imported: new ClusterIndex() }, []);
  handler.synced = true;
  const plugin = { name: 'kubernetes', handle: handler.handle.bind(handler) };
  const table = new AnswerTable();
  const zones = new Set([ZONE.key]);
  const lane = { table, zones, counts: new AnswerCounts(), closed: false, takesAbsent: () => false };
  const block: BlockContext = { ...BLOCK, express: new Map([['kubernetes', lane]]) };
  const rcode = async (name: string): Promise<number | string> => {
    const result = await ask(plugin, request(`${name}.cluster.local`, 'A', { block }));
    return result === 'dropped' ? result : result.rcode;
  };
  return { table, rcode };
}

test('answers of Services, endpoints and pods go into the table', async () => {
  const { table, rcode } = start();
  for (const name of [
    'peers.shop.svc',
    'one.peers.shop.svc',
    '_http._tcp.peers.shop.svc',
    '10-1-0-1.shop.pod',
  ])
    assert.equal(await rcode(name), 0, name);
  assert.equal(table.size, 4);
});

test('names of which there is no end are answered, and not kept', async () => {
  const { table, rcode } = start();
  for (let i = 0; i < 10; i++) {
    for (const name of [`x${i}.10-1-0-1.shop.pod`, `x${i}.y.10-1-0-1.shop.pod`])
      assert.equal(await rcode(name), 0, name);
    for (const mode of ['pin', 'prefer'])
      assert.equal(await rcode(`x${i}.${mode}._zone.peers.shop.svc`), 0, mode);
  }
  assert.equal(table.size, 0);
});
