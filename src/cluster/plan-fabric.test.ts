import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RtnetlinkRequest } from '#wire/rtnetlink-types.ts';
import { planAddresses } from './plan-addresses.ts';
import { planFabricBase, planHostSide, planLink } from './plan-fabric.ts';

const { families, nodes } = planAddresses({
  ipFamily: 'dual',
  nodeCount: 2,
  zones: [],
  loopbackNet: '127.9.9',
});

function hostOf(index: number) {
  const node = nodes[index];
  assert.ok(node);
  return { name: node.name, addresses: node.addresses, networks: node.podCidrs };
}

function destinations(requests: readonly RtnetlinkRequest[]): string[] {
  return requests.flatMap((request) => (request.do === 'addRoute' ? [request.destination] : []));
}

describe('planLink()', () => {
  it('leads to the host’s addresses and, through them, to its pods', () => {
    assert.deepEqual(destinations(planLink(hostOf(0), 7)), [
      '172.30.0.11/32',
      'fd00:172:30::b/128',
      '10.244.0.0/22',
      'fd00:10:244::/64',
    ]);
  });

  it('has a link name that the kernel takes, and other MAC addresses for each host', () => {
    const links = [0, 1].map((index) => planLink(hostOf(index), 7)[0]);
    for (const link of links) assert.ok(link?.do === 'createVeth' && link.name.length <= 15);
    assert.equal(new Set(links.map((link) => link?.do === 'createVeth' && link.mac)).size, 2);
  });
});

describe('planHostSide()', () => {
  it('knows the gateway’s MAC address, which is that of the fabric’s end', () => {
    const link = planLink(hostOf(1), 7)[0];
    const known = planHostSide(hostOf(1), families).flatMap((request) =>
      request.do === 'addNeighbour' ? [request.mac] : [],
    );
    assert.ok(link?.do === 'createVeth');
    assert.deepEqual(known, [link.mac, link.mac]);
  });
});

describe('planFabricBase()', () => {
  it('refuses addresses of the cluster that nobody has', () => {
    const refused = planFabricBase(families).filter(
      (request) => request.do === 'addRoute' && request.type === 'unreachable',
    );
    assert.equal(refused.length, 6);
  });
});
