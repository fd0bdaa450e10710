/** Real packets to the hostPorts of a node. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import type { ContainerPort } from '#api/core/v1.gen.ts';
import { Nftables } from '#kernel/nftables.ts';
import { writeSysctl } from '#kernel/sysctl.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { createLab, NODE, PLACES } from '#test/support/proxy-lab.ts';
import { HostPorts } from './host-ports.ts';
import { planHostPorts } from './plan-host-ports.ts';

await enterTestNamespace();
const lab = createLab();
const table = new HostPorts([NODE.address, NODE.address6]);
for (const place of ['a', 'b']) writeSysctl(`net.ipv4.conf.pod-${place}.route_localnet`, 1);
after(() => {
  table[Symbol.dispose]();
  using nftables = Nftables.open();
  assert.deepEqual(nftables.tables(), []);
  lab[Symbol.dispose]();
});
afterEach(() => {
  table.close('a');
  table.close('b');
});

const PORT = 5400;

function open(place: 'a' | 'b', port: Partial<ContainerPort> = {}): void {
  const ports = [{ containerPort: 8080, hostPort: PORT, ...port }];
  const spec = { containers: [{ name: 'c', image: 'x', ports }] };
  table.open(place, planHostPorts({ spec }, [PLACES[place].address, PLACES[place].address6]));
}

test('a hostPort answers on every address of the node, to everyone, who keeps his address', async () => {
  open('a');
  for (const from of ['outside', 'client', 'b'] as const) {
    for (const [address, source] of [
      [NODE.address, PLACES[from].address],
      [NODE.address6, PLACES[from].address6],
    ] as const) {
      assert.deepEqual(await lab.ask(from, address, PORT), { by: 'a', source }, `${from} ${address}`);
    }
  }
  assert.deepEqual(await lab.ask('client', NODE.podGateway, PORT), {
    by: 'a',
    source: PLACES.client.address,
  });
  assert.equal(await lab.ask('outside', NODE.address, PORT, 'udp'), 'refused');
});

test('the pod itself and the node reach it too, the node also by 127.0.0.1', async () => {
  open('a');
  for (const [from, address] of [
    ['a', NODE.address],
    ['a', NODE.address6],
    ['node', NODE.address],
    ['node', NODE.address6],
    ['node', '127.0.0.1'],
  ] as const) {
    const outcome = await lab.ask(from, address, PORT);
    assert.equal(typeof outcome === 'string' ? outcome : outcome.by, 'a', `${from} ${address}`);
  }
});

test('pods share a port by address and by protocol', async () => {
  open('a', { hostIP: '127.0.0.1' });
  open('b', { hostIP: NODE.address });
  const by = async (...[from, address, protocol]: ['node' | 'outside', string, ('tcp' | 'udp')?]) => {
    const outcome = await lab.ask(from, address, PORT, protocol);
    return typeof outcome === 'string' ? outcome : outcome.by;
  };
  assert.equal(await by('node', '127.0.0.1'), 'a');
  assert.equal(await by('node', NODE.address), 'b');
  assert.equal(await by('outside', NODE.address), 'b');
  assert.equal(await by('outside', NODE.address6), 'refused');
  table.close('a');
  open('a', { hostIP: NODE.address, protocol: 'UDP' });
  assert.equal(await by('outside', NODE.address, 'udp'), 'a');
  assert.equal(await by('outside', NODE.address), 'b');
});

test('a port that another pod has is refused until that pod is closed', async () => {
  open('a');
  assert.throws(() => open('b'), /host port 5400\/TCP belongs to another pod/);
  table.close('a');
  assert.equal(await lab.ask('outside', NODE.address, PORT), 'refused');
  open('b');
  assert.deepEqual(await lab.ask('outside', NODE.address, PORT), {
    by: 'b',
    source: PLACES.outside.address,
  });
});
