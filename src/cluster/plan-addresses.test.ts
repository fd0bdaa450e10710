import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Cidr } from '#lib/ip.ts';
import { MAX_NODES } from './config.ts';
import { apiServerAddresses, planAddresses, planLoopbackNet } from './plan-addresses.ts';

const base = { nodeCount: 3, zones: [], loopbackNet: '127.9.9' };

describe('planAddresses()', () => {
  it('gives a node an address and a pod network of each family', () => {
    const { nodes } = planAddresses({ ...base, ipFamily: 'dual' });
    assert.deepEqual(nodes[1], {
      name: 'node-2',
      index: 1,
      zone: undefined,
      addresses: ['172.30.0.12', 'fd00:172:30::c'],
      podCidrs: ['10.244.4.0/22', 'fd00:10:244:1::/64'],
      hostAddress: '127.9.9.12',
    });
  });

  it('deals the zones to the nodes in turn', () => {
    const { nodes } = planAddresses({ ...base, ipFamily: 'ipv4', zones: ['a', 'b'] });
    assert.deepEqual(
      nodes.map(({ zone }) => zone),
      ['a', 'b', 'a'],
    );
  });

  it('gives every node addresses of its own, none of them the fabric’s, up to the most nodes there may be', () => {
    const { nodes, families } = planAddresses({ ...base, ipFamily: 'dual', nodeCount: MAX_NODES });
    const addresses = [
      ...nodes.flatMap((node) => node.addresses),
      ...families.flatMap(({ gateway, apiServer, dnsUpstream, outside }) => [
        gateway,
        apiServer,
        dnsUpstream,
        outside,
      ]),
    ];
    assert.equal(new Set(addresses).size, addresses.length);
    const networks = nodes.flatMap(({ podCidrs }) => podCidrs.map((cidr) => Cidr.of(cidr)));
    for (const [index, network] of networks.entries()) {
      assert.ok(networks.slice(index + 1).every((other) => !network.overlaps(other)));
    }
  });
});

describe('apiServerAddresses()', () => {
  it('names the first service address, by which pods reach it', () => {
    const addresses = apiServerAddresses(planAddresses({ ...base, ipFamily: 'dual' }));
    assert.ok(addresses.includes('10.96.0.1') && addresses.includes('fd00:10:96::1'));
  });
});

describe('planLoopbackNet()', () => {
  it('is the same for a name each time, and never one that is taken', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        const first = planLoopbackNet(name, new Set());
        assert.equal(planLoopbackNet(name, new Set()), first);
        assert.ok(Cidr.of('127.0.0.0/8').contains(`${first}.11`) && !first.startsWith('127.0.'));
        assert.notEqual(planLoopbackNet(name, new Set([first])), first);
      }),
    );
  });
});
