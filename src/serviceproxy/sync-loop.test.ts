import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Service } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { ChangeTracker } from './change-tracker.ts';
import type { DataPlane, PlanChanges } from './data-plane.ts';
import type { ForwardingModel, NodeSettings } from './forwarding-model.ts';
import { SyncLoop } from './sync-loop.ts';

const SETTINGS: NodeSettings = {
  nodePortAddresses: [],
  clusterCidrs: [],
  serviceCidrs: [],
  masqueradeAll: false,
};

/** Notes which Services it holds, and refuses when told to. */
class FakeDataPlane implements DataPlane {
  readonly held = new Set<string>();
  refuses = false;
  set({ services }: ForwardingModel): void {
    for (const key of services.keys()) this.held.add(key);
  }
  update(changes: PlanChanges): void {
    if (this.refuses) throw new Error('no memory');
    for (const [key, plan] of changes) {
      if (plan === undefined) this.held.delete(key);
      else this.held.add(key);
    }
  }
  awaitReplies(): void {
    if (this.refuses) throw new Error('no memory');
  }
  audit = (): number => 0;
  cleanup = (): void => undefined;
  [Symbol.dispose] = (): void => undefined;
}

const service = (name: string): Service => ({
  metadata: { namespace: 'shop', name },
  spec: { clusterIPs: ['10.96.0.1'], ports: [{ port: 80 }] },
});

function startLoop(services: Map<string, Service>, slices: ReadonlyMap<string, EndpointSlice[]> = new Map()) {
  const dataPlane = new FakeDataPlane();
  const said: string[] = [];
  const deleted = { flows: 0 };
  const tracker = new ChangeTracker(() => undefined);
  const loop = new SyncLoop({
    watch: {
      services: { store: services },
      slicesOf: (key) => slices.get(key) ?? [],
      topology: () => ({ nodeName: 'n', zone: undefined }),
      nodeEligible: () => true,
    },
    tracker,
    dataPlane,
    conntrack: {
      async deleteFlowsInTurns(_, before) {
        before([]);
        deleted.flows++;
        return Promise.resolve(0);
      },
    },
    healthServers: { set: () => undefined },
    settings: SETTINGS,
    signal: new AbortController().signal,
    log: (message) => said.push(message),
  });
  loop.first();
  return { loop, tracker, dataPlane, said, deleted, services };
}

describe('SyncLoop', () => {
  test('brings what the data plane refused again until it takes it, with what changed meanwhile', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const { loop, tracker, dataPlane, said, services } = startLoop(new Map([['shop/a', service('a')]]));
    dataPlane.refuses = true;
    services.set('shop/b', service('b'));
    tracker.add('shop/b');
    loop.sync();
    services.delete('shop/a');
    tracker.add('shop/a');
    context.mock.timers.tick(1000);
    assert.deepEqual([...dataPlane.held], ['shop/a']);
    assert.notEqual(loop.health().pendingSinceMs, undefined);
    dataPlane.refuses = false;
    context.mock.timers.tick(1000);
    assert.deepEqual([...dataPlane.held], ['shop/b']);
    assert.equal(loop.health().pendingSinceMs, undefined);
    assert.equal(said.length, 2);
  });

  test('deletes stale flows though the answers that are on their way cannot be seen to', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const { loop, tracker, dataPlane, said, deleted, services } = startLoop(new Map());
    const ports = [{ port: 53, protocol: 'UDP' }] as const;
    services.set('shop/dns', { ...service('dns'), spec: { clusterIPs: ['10.96.0.10'], ports: [...ports] } });
    tracker.add('shop/dns');
    loop.sync();
    dataPlane.refuses = true;
    context.mock.timers.tick(1000);
    assert.equal(deleted.flows, 1);
    assert.deepEqual(said, ['late replies: no memory']);
  });

  test('leaves out a Service that cannot be understood, and serves the others', () => {
    const broken = [
      { addressType: 'IPv4', ports: [{ port: 80 }], endpoints: [{}] },
    ] as unknown as EndpointSlice[];
    const services = new Map(['a', 'b'].map((name) => [`shop/${name}`, service(name)]));
    const { dataPlane, said } = startLoop(services, new Map([['shop/a', broken]]));
    assert.deepEqual([...dataPlane.held], ['shop/b']);
    assert.match(said.join(), /Service shop\/a stays as it was/);
  });
});
