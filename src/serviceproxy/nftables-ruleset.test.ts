import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FakeNftables, NftablesError, type Transaction } from '#kernel/nftables.ts';
import { type Ip, ip } from '#lib/ip.ts';
import { NftablesDataPlane } from './apply-nftables.ts';
import { dataText } from './element-table.ts';
import type {
  Destination,
  EndpointAddress,
  ForwardingModel,
  Match,
  NodeSettings,
  ServicePlan,
} from './forwarding-model.ts';
import { rangesChain } from './nftables-chains.ts';
import { elementSets, LAYOUTS, TABLE } from './nftables-layout.ts';
import { arrange, elementKey, type PlannedElement } from './plan-service-elements.ts';

const SETTINGS: NodeSettings = {
  nodePortAddresses: [ip('192.168.1.1')],
  clusterCidrs: ['10.244.0.0/16'],
  serviceCidrs: ['10.96.0.0/16'],
  masqueradeAll: false,
};

/** Lists that differ at their ends only. */
function manyRanges(last: string): string[] {
  return [...Array.from({ length: 12 }, (_, i) => `192.0.2.${i}/32`), `${last}.0/24`];
}

/** Few values, so that Services claim the same addresses, ports and endpoints. */
const endpoint: fc.Arbitrary<EndpointAddress> = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.constantFrom(80, 81))
  .map(([n, port]) => ({ address: ip(`10.244.0.${n}`), port }));
const destination: fc.Arbitrary<Destination> = fc.record({
  endpoints: fc.uniqueArray(endpoint, {
    maxLength: 4,
    selector: ({ address, port }) => `${address} ${port}`,
  }),
  masquerade: fc.constantFrom('never', 'from-node', 'off-cluster', 'always'),
  otherwise: fc.constantFrom('reject', 'drop'),
  list: fc.constantFrom('cluster', 'local'),
});
const match: fc.Arbitrary<Match> = fc.oneof(
  fc.constantFrom<Ip>(ip('10.96.0.1'), ip('10.96.0.2')).map((address): Match => {
    return { kind: 'address', family: 4, address, protocol: 'tcp', port: 80 };
  }),
  fc
    .constantFrom(30_000, 30_001)
    .map((port): Match => ({ kind: 'node-port', family: 4, protocol: 'udp', port })),
);
const server = fc.record({
  match,
  portName: fc.constantFrom('', 'http'),
  destination,
  internal: fc.option(destination, { nil: undefined }),
  sourceRanges: fc.option(
    fc.constantFrom(['192.0.2.0/24'], [], manyRanges('198.51.100'), manyRanges('203.0.113')),
    {
      nil: undefined,
    },
  ),
  serving: fc.constant([]),
  affinitySeconds: fc.option(fc.constantFrom(60, 10_800), { nil: undefined }),
});
const plan = (name: string): fc.Arbitrary<ServicePlan> =>
  fc.record({
    namespace: fc.constant('shop'),
    name: fc.constant(name),
    virtualServers: fc.uniqueArray(server, { maxLength: 3, selector: ({ match }) => JSON.stringify(match) }),
    clusterIps: fc.subarray([ip('10.96.0.1'), ip('10.96.0.2')]),
    localEndpoints: fc.subarray([ip('10.244.0.1'), ip('10.244.0.2')]),
    healthCheck: fc.constant(undefined),
  });
const services: fc.Arbitrary<Map<string, ServicePlan>> = fc
  .tuple(...['a', 'b', 'c'].map((name) => fc.option(plan(name), { nil: undefined })))
  .map((plans) => new Map(plans.flatMap((p) => (p === undefined ? [] : [[`shop/${p.name}`, p] as const]))));

function contents(client: FakeNftables): Map<string, string> {
  const found = new Map<string, string>();
  for (const set of Object.values(LAYOUTS).flatMap(elementSets)) {
    for (const { key, data } of client.elements(set)) {
      found.set(elementKey(set, key), dataText(data as PlannedElement['data']));
    }
  }
  return found;
}

/**
 * What packets can meet: followed from the first map on, endpoints without their order. Where two Services
 * claim one way in, leftovers of the loser that nothing leads to do not count.
 */
function reachable(found: Map<string, string>): string[] {
  const lines: string[] = [];
  for (const [key, data] of found) {
    const [, kind, way] = /^(service|node-port)s-4 (.*)$/.exec(key) ?? [];
    if (kind !== undefined && way !== undefined) lines.push(...follow(found, kind, way, data));
    else if (/^(cluster-ips|hairpins)-4/.test(key)) lines.push(key);
  }
  return lines.sort();
}

function follow(found: Map<string, string>, kind: string, way: string, data: string): string[] {
  const line = `${kind} ${way}: ${data}`;
  const next = (map: string): string[] =>
    follow(found, kind, way, found.get(`${kind}-${map}-4 ${way}`) ?? 'nothing');
  if (data.startsWith('goto ranges')) return [line, ...next('allowed')];
  if (data.startsWith('goto split')) return [line, ...next('internal'), ...next('external')];
  const [, count, internal] = /goto pick-4-(?:address|node-port)-(\d+)(-internal)?/.exec(data) ?? [];
  if (count === undefined) return [line];
  const first = internal === undefined ? 0 : 0x10000;
  const endpoints = Array.from({ length: Number(count) }, (_, i) =>
    found.get(`${kind}-endpoints-4 ${way} ${first + i}`),
  );
  return [line, `${line} leads to ${endpoints.toSorted((a = '', b = '') => a.localeCompare(b)).join()}`];
}

function changesBetween(from: Map<string, ServicePlan>, to: Map<string, ServicePlan>) {
  return new Map([...new Set([...from.keys(), ...to.keys()])].map((key) => [key, to.get(key)]));
}

test('update() leads from any model to any other as if that had been set', () => {
  fc.assert(
    fc.property(services, services, (from, to) => {
      using updated = new FakeNftables();
      const plane = new NftablesDataPlane(updated);
      plane.set({ settings: SETTINGS, services: from });
      plane.update(changesBetween(from, to));
      using fresh = new FakeNftables();
      new NftablesDataPlane(fresh).set({ settings: SETTINGS, services: to });
      assert.deepEqual(reachable(contents(updated)), reachable(contents(fresh)));
    }),
    { numRuns: 150 },
  );
});

/** A kernel that refuses some transactions, as when it has no memory. */
class RefusingNftables extends FakeNftables {
  refuses: (transaction: Transaction) => boolean = () => false;

  override run(transaction: Transaction): number {
    if (this.refuses(transaction)) throw new NftablesError('commit transaction', 12);
    return super.run(transaction);
  }
}

test('update() of what the kernel refuses leaves everything as it was, and later leads to what is wanted', () => {
  const steps = fc.array(fc.tuple(services, fc.boolean()), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(services, steps, (first, then) => {
      using client = new RefusingNftables();
      const plane = new NftablesDataPlane(client);
      plane.set({ settings: SETTINGS, services: first });
      let last = first;
      for (const [next, isRefused] of then) {
        const before = contents(client);
        client.refuses = () => isRefused;
        try {
          plane.update(changesBetween(last, next));
        } catch (error) {
          assert.ok(isRefused && /cannot be brought up to date/.test(String(error)), String(error));
          assert.deepEqual(contents(client), before);
        }
        last = next;
      }
      client.refuses = () => false;
      plane.update(changesBetween(last, last));
      using fresh = new FakeNftables();
      new NftablesDataPlane(fresh).set({ settings: SETTINGS, services: last });
      assert.deepEqual(reachable(contents(client)), reachable(contents(fresh)));
    }),
    { numRuns: 100 },
  );
});

test('source ranges that differ at the end of long lists have chains of their own', () => {
  const [a, b] = ['198.51.100', '203.0.113'].map((last) => rangesChain(4, manyRanges(last)).chain.name);
  assert.notEqual(a, b);
  assert.ok((a?.length ?? 0) < 128);
});

test('set() adopts a table of an earlier run and leads it to the same content', () => {
  fc.assert(
    fc.property(services, services, (from, to) => {
      using client = new FakeNftables();
      const model = (plans: Map<string, ServicePlan>): ForwardingModel => ({
        settings: SETTINGS,
        services: plans,
      });
      new NftablesDataPlane(client).set(model(from));
      new NftablesDataPlane(client).set(model(to));
      using fresh = new FakeNftables();
      new NftablesDataPlane(fresh).set(model(to));
      assert.deepEqual(reachable(contents(client)), reachable(contents(fresh)));
      assert.equal(contents(client).size, contents(fresh).size);
    }),
    { numRuns: 100 },
  );
});

test('update() changes one element when one endpoint is replaced', () => {
  using client = new FakeNftables();
  const plane = new NftablesDataPlane(client);
  const at = (n: number): EndpointAddress => ({ address: ip(`10.244.0.${n}`), port: 80 });
  const web = (...endpoints: EndpointAddress[]): ServicePlan => ({
    namespace: 'shop',
    name: 'web',
    virtualServers: [
      {
        match: { kind: 'address', family: 4, address: ip('10.96.0.1'), protocol: 'tcp', port: 80 },
        portName: '',
        destination: { endpoints, masquerade: 'never', otherwise: 'reject', list: 'cluster' },
        internal: undefined,
        sourceRanges: undefined,
        serving: endpoints,
        affinitySeconds: undefined,
      },
    ],
    clusterIps: [ip('10.96.0.1')],
    localEndpoints: [],
    healthCheck: undefined,
  });
  plane.set({ settings: SETTINGS, services: new Map([['shop/web', web(at(1), at(2), at(3))]]) });
  const before = contents(client);
  plane.update(new Map([['shop/web', web(at(1), at(3), at(4))]]));
  const after = contents(client);
  const changed = [...after].filter(([key, data]) => before.get(key) !== data);
  assert.deepEqual(changed, [['service-endpoints-4 10.96.0.1 tcp 80 1', '10.244.0.4 80']]);
  assert.equal(after.size, before.size);
});

test('audit() says nothing while the table is ours, and repairs what somebody deleted', () => {
  using client = new FakeNftables();
  const plane = new NftablesDataPlane(client);
  fc.assert(
    fc.property(plan('a'), (a) => {
      plane.cleanup();
      plane.set({ settings: SETTINGS, services: new Map([['shop/a', a]]) });
      assert.equal(plane.audit(), 0);
    }),
    { numRuns: 20 },
  );
  assert.ok(client.tables().some(({ name }) => name === TABLE.name));
});

test('audit() takes away what nothing leads to any more, and what is wanted again comes again', () => {
  fc.assert(
    fc.property(services, services, services, (first, second, third) => {
      using client = new FakeNftables();
      const plane = new NftablesDataPlane(client);
      plane.set({ settings: SETTINGS, services: first });
      plane.update(changesBetween(first, second));
      assert.equal(plane.audit(), 0);
      using fresh = new FakeNftables();
      new NftablesDataPlane(fresh).set({ settings: SETTINGS, services: second });
      assert.deepEqual(chainsOf(client), chainsOf(fresh));
      plane.update(changesBetween(second, third));
      plane.audit();
      new NftablesDataPlane(fresh).set({ settings: SETTINGS, services: third });
      assert.deepEqual(chainsOf(client), chainsOf(fresh));
      assert.deepEqual(reachable(contents(client)), reachable(contents(fresh)));
    }),
    { numRuns: 100 },
  );
});

function chainsOf(client: FakeNftables): string[] {
  const { table } = LAYOUTS[4].clusterIps;
  return client
    .chains(table)
    .map(({ name }) => name)
    .sort();
}

test('arrange() keeps places and fills the free ones', () => {
  const list = fc.uniqueArray(endpoint, {
    maxLength: 8,
    selector: ({ address, port }) => `${address} ${port}`,
  });
  fc.assert(
    fc.property(list, list, (previous, wanted) => {
      const arranged = arrange(previous, wanted);
      const text = ({ address, port }: EndpointAddress): string => `${address} ${port}`;
      assert.deepEqual(arranged.map(text).sort(), wanted.map(text).sort());
      for (const [i, one] of previous.slice(0, wanted.length).entries()) {
        if (wanted.some((other) => text(other) === text(one)))
          assert.equal(text(arranged[i] ?? one), text(one));
      }
    }),
  );
});
