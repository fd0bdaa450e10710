/** Real packets through the kernel: what clients of every kind get from the rules made for a model. */
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import type { Service, ServiceSpec } from '#api/core/v1.gen.ts';
import type { Endpoint, EndpointSlice } from '#api/discovery/v1.gen.ts';
import { Conntrack } from '#kernel/conntrack.ts';
import { Nftables, type NftMap } from '#kernel/nftables.ts';
import { ip } from '#lib/ip.ts';
import { requireJudge } from '#test/support/judge.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import {
  CLUSTER_CIDRS,
  createLab,
  type Lab,
  NODE,
  type Outcome,
  PLACES,
  type Place,
} from '#test/support/proxy-lab.ts';
import type { Flow } from '#wire/conntrack.ts';
import { NftablesDataPlane } from './apply-nftables.ts';
import type { NodeSettings, ServicePlan } from './forwarding-model.ts';
import { LAYOUTS } from './nftables-layout.ts';
import { planService } from './plan-service.ts';
import { changedUdpFrontends, isStaleFlow } from './plan-stale-flows.ts';

await enterTestNamespace();
const nft = requireJudge('nft');

const SETTINGS: NodeSettings = {
  nodePortAddresses: [ip(NODE.address), ip(NODE.address6)],
  clusterCidrs: CLUSTER_CIDRS,
  serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'],
  masqueradeAll: false,
};
const VIP = '10.96.0.20';
const VIP6 = 'fd00:10:96::20';
const NODE_PORT = 30_080;

let lab: Lab;
const dataPlane = new NftablesDataPlane(Nftables.open());
lab = createLab();
after(() => {
  dataPlane.cleanup();
  dataPlane[Symbol.dispose]();
  lab[Symbol.dispose]();
});

type PodPlace = 'a' | 'b' | 'remote';

const REMOTE = { address: '10.244.2.11', address6: 'fd00:10:244:2::11' };

function plan(
  spec: Partial<ServiceSpec>,
  places: readonly PodPlace[],
  more: Partial<Service> = {},
): ServicePlan {
  const service: Service = {
    metadata: { namespace: 'default', name: 'web' },
    spec: {
      type: 'NodePort',
      clusterIPs: [VIP, VIP6],
      ports: [
        { name: 'tcp', port: 80, protocol: 'TCP', nodePort: NODE_PORT },
        { name: 'udp', port: 80, protocol: 'UDP', nodePort: NODE_PORT },
      ],
      ...spec,
    },
    ...more,
  };
  const ports = [
    { name: 'tcp', port: 8080, protocol: 'TCP' },
    { name: 'udp', port: 8080, protocol: 'UDP' },
  ];
  const endpoints = (family: 'address' | 'address6'): Endpoint[] =>
    places.map((place) => ({
      addresses: [place === 'remote' ? REMOTE[family] : PLACES[place][family]],
      nodeName: place === 'remote' ? 'other' : 'node',
    }));
  const slices: EndpointSlice[] = [
    { addressType: 'IPv4', ports, endpoints: endpoints('address') },
    { addressType: 'IPv6', ports, endpoints: endpoints('address6') },
  ];
  return planService(service, slices, { nodeName: 'node', zone: undefined }) ?? assert.fail('not served');
}

function set(...plans: ServicePlan[]): void {
  dataPlane.set({ settings: SETTINGS, services: new Map(plans.map((p) => [`${p.namespace}/${p.name}`, p])) });
}

function update(next: ServicePlan | undefined): void {
  dataPlane.update(new Map([['default/web', next]]));
}

async function askMany(from: Place, address: string, port: number, times = 24): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let i = 0; i < times; i++) outcomes.push(await lab.ask(from, address, port));
  return outcomes;
}

function answerers(outcomes: readonly Outcome[]): string[] {
  return [...new Set(outcomes.map((outcome) => (typeof outcome === 'string' ? outcome : outcome.by)))].sort();
}

beforeEach(() => dataPlane.cleanup());

for (const [from, source, source6] of [
  ['client', PLACES.client.address, PLACES.client.address6],
  ['node', NODE.podGateway, NODE.podGateway6],
  ['outside', NODE.podGateway, NODE.podGateway6],
] as const) {
  test(`ClusterIP from ${from}: answered, over TCP and UDP, both families, masqueraded only off the cluster`, async () => {
    set(plan({}, ['a']));
    for (const protocol of ['tcp', 'udp'] as const) {
      assert.deepEqual(await lab.ask(from, VIP, 80, protocol), { by: 'a', source });
      assert.deepEqual(await lab.ask(from, VIP6, 80, protocol), { by: 'a', source: source6 });
    }
  });
}

test('node port: answered from pods, the node and outside, always masqueraded', async () => {
  set(plan({}, ['a']));
  for (const from of ['client', 'node', 'outside'] as const) {
    assert.deepEqual(await lab.ask(from, NODE.address, NODE_PORT), { by: 'a', source: NODE.podGateway });
    assert.deepEqual(await lab.ask(from, NODE.address6, NODE_PORT, 'udp'), {
      by: 'a',
      source: NODE.podGateway6,
    });
  }
});

test('connections are spread over all endpoints', async () => {
  set(plan({}, ['a', 'b']));
  assert.deepEqual(answerers(await askMany('client', VIP, 80)), ['a', 'b']);
  assert.deepEqual(answerers(await askMany('outside', NODE.address, NODE_PORT)), ['a', 'b']);
});

test('hairpin: a pod reaches itself through its own Service, from the address of the node', async () => {
  set(plan({}, ['a']));
  assert.deepEqual(await lab.ask('a', VIP, 80), { by: 'a', source: NODE.podGateway });
  assert.deepEqual(await lab.ask('a', VIP6, 80, 'udp'), { by: 'a', source: NODE.podGateway6 });
});

test('no endpoints: refused at the ClusterIP and at the node port', async () => {
  set(plan({}, []));
  for (const protocol of ['tcp', 'udp'] as const) {
    assert.equal(await lab.ask('client', VIP, 80, protocol), 'refused');
    assert.equal(await lab.ask('client', VIP6, 80, protocol), 'refused');
    assert.equal(await lab.ask('outside', NODE.address, NODE_PORT, protocol), 'refused');
    assert.equal(await lab.ask('node', VIP, 80, protocol), 'refused');
  }
});

test('other ports of a ClusterIP are refused, addresses that no Service has are dropped', async () => {
  set(plan({}, ['a']));
  assert.equal(await lab.ask('client', VIP, 81), 'refused');
  assert.equal(await lab.ask('client', '10.96.0.99', 80), 'nothing');
});

test('externalTrafficPolicy Local: the client keeps its address; pods and the node get every endpoint', async () => {
  set(plan({ externalTrafficPolicy: 'Local' }, ['a', 'remote']));
  const outcomes = await askMany('outside', NODE.address, NODE_PORT, 8);
  for (const outcome of outcomes) assert.deepEqual(outcome, { by: 'a', source: PLACES.outside.address });
  assert.deepEqual(answerers(await askMany('client', NODE.address, NODE_PORT, 10)), ['a', 'nothing']);
  set(plan({ externalTrafficPolicy: 'Local' }, ['remote']));
  assert.equal(await lab.ask('outside', NODE.address, NODE_PORT), 'nothing');
});

test('internalTrafficPolicy Local: only endpoints of the node, none is silence', async () => {
  set(plan({ internalTrafficPolicy: 'Local' }, ['a', 'remote']));
  assert.deepEqual(answerers(await askMany('client', VIP, 80, 8)), ['a']);
  set(plan({ internalTrafficPolicy: 'Local' }, ['remote']));
  assert.equal(await lab.ask('client', VIP, 80), 'nothing');
});

test('load balancer address: only from its source ranges', async () => {
  const lb = '198.51.100.7';
  const status = { loadBalancer: { ingress: [{ ip: lb }] } };
  const ranges = (loadBalancerSourceRanges: string[]): ServicePlan =>
    plan({ type: 'LoadBalancer', loadBalancerSourceRanges }, ['a'], { status });
  set(ranges([]));
  assert.deepEqual(await lab.ask('outside', lb, 80), { by: 'a', source: NODE.podGateway });
  update(ranges(['192.168.1.0/24']));
  assert.deepEqual(await lab.ask('outside', lb, 80), { by: 'a', source: NODE.podGateway });
  assert.equal(await lab.ask('client', lb, 80), 'nothing');
  update(ranges(['203.0.113.0/24']));
  assert.equal(await lab.ask('outside', lb, 80), 'nothing');
});

test('affinity: a client keeps its endpoint, also at the node port, until the endpoint goes', async () => {
  const sticky = (places: readonly PodPlace[]): ServicePlan => plan({ sessionAffinity: 'ClientIP' }, places);
  set(sticky(['a', 'b']));
  for (const [address, port] of [
    [VIP, 80],
    [VIP6, 80],
  ] as const) {
    assert.equal(answerers(await askMany('client', address, port, 12)).length, 1, address);
  }
  const [first = ''] = answerers(await askMany('client', VIP, 80, 1));
  assert.deepEqual(answerers(await askMany('client', NODE.address, NODE_PORT, 8)), [first]);
  const other = first === 'a' ? 'b' : 'a';
  update(sticky([other]));
  assert.deepEqual(answerers(await askMany('client', VIP, 80, 4)), [other]);
  update(sticky(['a', 'b']));
  assert.deepEqual(answerers(await askMany('client', VIP, 80, 12)), [other]);
});

test('a change of endpoints leaves established connections alone', async () => {
  set(plan({}, ['a']));
  using connection = await lab.connect('client', VIP, 80);
  assert.equal(await connection.ask(), 'a');
  update(plan({}, ['b']));
  assert.equal(await connection.ask(), 'a');
  assert.deepEqual(answerers(await askMany('client', VIP, 80, 4)), ['b']);
  update(undefined);
  assert.equal(await connection.ask(), 'a');
  assert.equal(await lab.ask('client', VIP, 80), 'nothing');
});

test('an endpoint on the node itself is reached', async () => {
  const web = plan({}, []);
  const endpoint = { address: ip(NODE.address), port: 8080 };
  const virtualServers = web.virtualServers.map((server) => ({
    ...server,
    destination: { ...server.destination, endpoints: server.match.family === 4 ? [endpoint] : [] },
  }));
  set({ ...web, virtualServers });
  assert.deepEqual(await lab.ask('client', VIP, 80), { by: 'node', source: PLACES.client.address });
});

test('set() goes on with the table of an earlier run, and audit() repairs what others changed', async () => {
  set(plan({}, ['a']));
  using connection = await lab.connect('client', VIP, 80);
  using second = new NftablesDataPlane(Nftables.open());
  const services = new Map([['default/web', plan({}, ['b'])]]);
  second.set({ settings: SETTINGS, services });
  assert.equal(await connection.ask(), 'a');
  assert.deepEqual(answerers(await askMany('client', VIP, 80, 4)), ['b']);
  assert.equal(second.audit(), 0);
  set(plan({}, ['a']));
  assert.ok(second.audit() > 0);
  assert.deepEqual(answerers(await askMany('client', VIP, 80, 4)), ['b']);
});

test('nft understands every rule that Services can need', { skip: nft.skip }, () => {
  const everything = { sessionAffinity: 'ClientIP', externalTrafficPolicy: 'Local', type: 'LoadBalancer' };
  const status = { loadBalancer: { ingress: [{ ip: '198.51.100.7' }] } };
  const ranges = { loadBalancerSourceRanges: ['192.168.1.0/24'] };
  set(plan({ ...everything, ...ranges }, ['a', 'remote'], { status }));
  const listing = nft.run(['list', 'table', 'inet', 'portolan-serviceproxy']);
  assert.match(listing, /numgen random mod 2 offset 65536/);
  assert.match(
    listing,
    /update @affinity-clients-4 \{ ip saddr \. 0x[0-9a-f]+ timeout 3h : ip daddr \. th dport \}/,
  );
});

test('UDP clients that keep their port get another endpoint once their flow is deleted', async () => {
  const from = plan({}, ['a']);
  set(from);
  using conntrack = Conntrack.open();
  using client = await lab.openUdp('client', VIP, 80);
  assert.equal(await client.ask(), 'a');
  const to = plan({}, ['b']);
  update(to);
  assert.equal(await client.ask(), 'a');
  const frontends = changedUdpFrontends(from, to);
  const deleted = conntrack.deleteFlows((flow) => isStaleFlow(flow, frontends, SETTINGS));
  assert.ok(deleted >= 1);
  assert.equal(await client.ask(), 'b');
});

for (const vip of [VIP, VIP6]) {
  test(`the answer of an endpoint whose flow was deleted meanwhile gets to its client (${vip})`, async () => {
    const from = plan({}, ['a']);
    set(from);
    using conntrack = Conntrack.open();
    using client = await lab.openUdp('client', vip, 80);
    assert.equal(await client.ask(), 'a');
    const forget = async (next: ServicePlan, answersExpected: boolean): Promise<void> => {
      update(next);
      const frontends = changedUdpFrontends(undefined, next);
      const before = answersExpected ? dataPlane.awaitReplies.bind(dataPlane) : () => undefined;
      const isStale = (flow: Flow): boolean => isStaleFlow(flow, frontends, SETTINGS);
      assert.ok((await conntrack.deleteFlowsInTurns(isStale, before)) >= 1);
    };
    const slow = client.ask('slow');
    await forget(plan({}, ['b']), true);
    assert.equal(await slow, 'a');
    assert.equal(await client.ask(), 'b');
    const lost = client.ask('slow');
    await forget(plan({}, ['a']), false);
    assert.equal(await lost, 'closed');
  });
}

test('answers expected from one endpoint for two addresses that one client port asked are the later one’s', () => {
  const flow = (vip: string, port: number): Flow => ({
    protocol: 17,
    original: { source: ip('10.1.1.2'), sourcePort: 4000, destination: ip(vip), destinationPort: port },
    reply: { source: ip('10.2.2.2'), sourcePort: 53, destination: ip('10.1.1.2'), destinationPort: 4000 },
    zone: 0,
  });
  set(plan({}, ['a']));
  dataPlane.awaitReplies([flow('10.96.0.10', 53)]);
  dataPlane.awaitReplies([flow('10.96.0.11', 54), flow('10.96.0.12', 55)]);
  using client = Nftables.open();
  const data = (map: NftMap) => client.elements(map).map((element) => element.data);
  assert.deepEqual(data(LAYOUTS[4].lateReplyAddresses), [['10.96.0.12']]);
  assert.deepEqual(data(LAYOUTS[4].lateReplyPorts), [[55]]);
});
