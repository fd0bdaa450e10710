import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '#test/support/dns-plugin.ts';
import { ClusterIndex } from './cluster-index.ts';
import type { PodEntry } from './cluster-view.ts';
import { searchPathFor } from './search-path.ts';
import { parseZones } from './zone.ts';

const NODE = '192.0.2.1';
const [ZONE] = parseZones('cluster.local');
const handler = { zoneOf: () => ZONE };

/** An index with pods at `NAMESPACE: [address, node]`. */
function indexOf(pods: Readonly<Record<string, readonly [address: string, node: string]>>): ClusterIndex {
  const index = new ClusterIndex();
  for (const [namespace, [address, node]] of Object.entries(pods)) set(index, namespace, address, node);
  return index;
}

function set(index: ClusterIndex, namespace: string, address: string, node: string): void {
  const entry: PodEntry = { namespace, name: 'pod', addresses: [address], nodeAddresses: [node] };
  index.setPod(`${namespace}/pod`, entry);
}

/** The path's domains, with dots; undefined: none. */
function pathOf(index: ClusterIndex, client: string, name: string): string[] | undefined {
  const asked = request(name, 'A', { client: { address: client } });
  return searchPathFor(asked, handler, index, ['corp.example'])?.map((labels) => labels.join('.'));
}

const PATH = ['svc.cluster.local', 'cluster.local', 'corp.example', ''];

test('a pod’s path begins with its namespace and ends with the name alone', () => {
  const index = indexOf({ shop: ['10.244.0.7', NODE] });
  assert.deepEqual(pathOf(index, '10.244.0.7', 'www.test.SHOP.svc.cluster.local'), [
    'shop.svc.cluster.local',
    ...PATH,
  ]);
});

test('there is no path for other namespaces’ names, names too short for one, and clients that are no pods', () => {
  const index = indexOf({ shop: ['10.244.0.7', NODE], other: ['10.244.0.8', NODE] });
  assert.equal(pathOf(index, '10.244.0.7', 'www.test.other.svc.cluster.local'), undefined);
  assert.equal(pathOf(index, '10.244.0.7', 'svc.cluster.local'), undefined);
  assert.equal(pathOf(index, '10.244.9.9', 'www.test.shop.svc.cluster.local'), undefined);
});

test('pods of several namespaces on the host’s network are told apart by the name', () => {
  const index = indexOf({ shop: [NODE, NODE], other: [NODE, NODE] });
  for (const namespace of ['shop', 'other'])
    assert.equal(
      pathOf(index, NODE, `www.test.${namespace}.svc.cluster.local`)?.[0],
      `${namespace}.svc.cluster.local`,
    );
});

test('all pods of a node are behind the address of the node, for its DNS cache asks', () => {
  const index = indexOf({ shop: ['10.244.0.7', NODE], other: ['10.244.1.7', '192.0.2.2'] });
  assert.ok(pathOf(index, NODE, 'www.test.shop.svc.cluster.local'));
  assert.equal(pathOf(index, NODE, 'www.test.other.svc.cluster.local'), undefined);
});

test('an address that a pod left to one of another namespace leads to both until the first is gone', () => {
  const index = indexOf({ shop: ['10.244.0.7', NODE] });
  set(index, 'other', '10.244.0.7', NODE);
  for (const namespace of ['shop', 'other'])
    assert.ok(pathOf(index, '10.244.0.7', `www.test.${namespace}.svc.cluster.local`));
  index.setPod('shop/pod', undefined);
  assert.equal(pathOf(index, '10.244.0.7', 'www.test.shop.svc.cluster.local'), undefined);
  assert.equal(pathOf(index, NODE, 'www.test.shop.svc.cluster.local'), undefined);
  assert.ok(pathOf(index, NODE, 'www.test.other.svc.cluster.local'));
});
