import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNetworkNamespace, withNamespaces } from '#os/namespace.ts';
import { requireJudge } from '#test/support/judge.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { Rtnetlink, type RtnetlinkRequest } from './rtnetlink.ts';
import { testRtnetlinkClient } from './rtnetlink-contract.ts';

await enterTestNamespace();

const ip = requireJudge('ip');

testRtnetlinkClient(() => ({
  open: (netns) => Rtnetlink.open({ netns }),
  createNamespace: createNetworkNamespace,
}));

test('ip(8) sees what was made', { skip: ip.skip }, () => {
  const netns = createNetworkNamespace();
  using rtnetlink = Rtnetlink.open({ netns });
  rtnetlink.run([
    { do: 'setLink', link: 'lo', up: true },
    {
      do: 'createVeth',
      name: 'a',
      index: 5,
      mac: '02:00:00:00:00:05',
      up: true,
      peer: { name: 'b', index: 6 },
    },
    { do: 'setLink', link: 'b', up: true },
    { do: 'addAddress', link: 'a', address: '10.1.0.1/24' },
    { do: 'addAddress', link: 'a', address: 'fd00:1::1/64' },
    { do: 'addRoute', destination: '10.2.0.0/16', via: '10.1.0.9', source: '10.1.0.1', metric: 5, mtu: 1300 },
    {
      do: 'addRoute',
      destination: '10.3.0.0/16',
      nexthops: [{ via: '10.1.0.7', weight: 2 }, { via: '10.1.0.8' }],
    },
    { do: 'addRoute', destination: '10.4.0.0/16', type: 'unreachable' },
    { do: 'addRoute', destination: '10.5.0.0/16', via: 'fd00:1::9', link: 'a' },
    { do: 'addRule', family: 4, priority: 50, mark: 1, table: 100 },
    { do: 'addRoute', destination: '0.0.0.0/0', type: 'local', link: 'lo', table: 100 },
    { do: 'addNeighbour', link: 'a', address: '10.1.0.9', mac: '02:00:00:00:00:09' },
  ]);
  const seen = withNamespaces({ net: netns }, () =>
    [['-o', 'addr', 'show', 'a'], ['route'], ['route', 'show', 'table', '100'], ['rule'], ['neigh']]
      .map((args) => ip.run(args))
      .join(''),
  );
  for (const expected of [
    /inet 10\.1\.0\.1\/24/,
    /inet6 fd00:1::1\/64/,
    /10\.2\.0\.0\/16 via 10\.1\.0\.9 dev a proto static src 10\.1\.0\.1 metric 5 mtu 1300/,
    /nexthop via 10\.1\.0\.7 dev a weight 2/,
    /unreachable 10\.4\.0\.0\/16/,
    /10\.5\.0\.0\/16 via inet6 fd00:1::9 dev a/,
    /50:\s+from all fwmark 0x1 lookup 100/,
    /local default dev lo/,
    /10\.1\.0\.9 dev a lladdr 02:00:00:00:00:09 PERMANENT/,
  ]) {
    assert.match(seen, expected);
  }
});

test('run() sends more than one message holds', () => {
  using rtnetlink = Rtnetlink.open({ netns: createNetworkNamespace() });
  rtnetlink.setLink('lo', { up: true });
  const requests = Array.from(
    { length: 3000 },
    (_, i): RtnetlinkRequest => ({ do: 'addAddress', link: 'lo', address: `10.9.${i >> 8}.${i & 255}/32` }),
  );
  rtnetlink.run(requests);
  assert.equal(rtnetlink.addresses(4).length, 3001);
});
