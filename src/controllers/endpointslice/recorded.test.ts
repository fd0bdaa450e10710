import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Endpoints, Service } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { planEndpoints } from '#controllers/endpoint/plan.ts';
import { hasSelector } from '#controllers/shared/service-index.ts';
import {
  comparable,
  expectedSlices,
  normalizeEndpoints,
  normalizeSlice,
  RecordedWorld,
  recordedCases,
} from '#test/support/recorded-endpoints.ts';
import { planService } from './plan.ts';
import { TriggerTimes } from './trigger-times.ts';

const AREAS = [
  'pod-states',
  'selectors',
  'ports',
  'hostname',
  'labels',
  'not-ready',
  'terminating',
  'headless',
];

/** The two controllers without a server: what a plan says is done at once. */
class Controllers {
  slices: EndpointSlice[] = [];
  readonly endpoints = new Map<string, Endpoints>();
  readonly #triggers = new TriggerTimes();
  readonly #endpointsTriggers = new TriggerTimes();
  #serial = 0;

  sync(world: RecordedWorld): void {
    for (const service of world.services.values())
      if (hasSelector(service)) this.#syncService(service, world);
    const alive = new Set([...world.services.values()].map(({ metadata }) => metadata?.uid));
    this.slices = this.slices.filter(({ metadata }) => alive.has(metadata?.ownerReferences?.[0]?.uid));
    for (const name of this.endpoints.keys()) if (!world.services.has(name)) this.endpoints.delete(name);
  }

  #syncService(service: Service, world: RecordedWorld): void {
    const { name = '' } = service.metadata ?? {};
    const pods = [...world.pods.values()].filter((pod) =>
      Object.entries(service.spec?.selector ?? {}).every(
        ([key, value]) => pod.metadata?.labels?.[key] === value,
      ),
    );
    const mine = this.slices.filter(
      ({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === name,
    );
    const plan = planService({
      service,
      pods,
      slices: mine,
      node: (node) => world.nodes.get(node),
      maxPerSlice: 100,
      triggerTime: this.#triggers.next(service, pods),
    });
    const replaced = new Set([...plan.update, ...plan.remove].map(({ metadata }) => metadata?.name));
    const created = plan.create.map((slice) => ({
      ...slice,
      metadata: { ...slice.metadata, name: `s${this.#serial++}` },
    }));
    const kept = this.slices.filter(({ metadata }) => !replaced.has(metadata?.name));
    this.slices = [...kept, ...plan.update, ...created];
    const current = this.endpoints.get(name);
    const planned = planEndpoints(service, pods, current, this.#endpointsTriggers.next(service, pods));
    if (planned !== undefined) this.endpoints.set(name, planned);
  }
}

for (const area of AREAS) {
  describe(`recorded behaviour: ${area}`, () => {
    for (const { name, about, steps, compare } of recordedCases(area)) {
      test(`${name}: ${about}`, (t) => {
        const world = new RecordedWorld();
        const controllers = new Controllers();
        for (const [index, step] of steps.entries()) {
          for (const operation of step.do) {
            if (world.apply(operation)) controllers.sync(world);
            else {
              t.skip(`${String(operation['op'])} needs a server`);
              return;
            }
          }
          const withTrigger = compare?.trigger !== 'any' && step.expect.triggerTime !== 'any';
          const check = (found: Record<string, unknown>[], wanted: Record<string, unknown>[], what: string) =>
            assert.deepEqual(
              comparable(found, withTrigger),
              comparable(wanted, withTrigger),
              `${what}, step ${index}`,
            );
          check(controllers.slices.map(normalizeSlice), expectedSlices(step), 'slices');
          check(
            [...controllers.endpoints.values()].map(normalizeEndpoints),
            step.expect.endpoints,
            'endpoints',
          );
        }
      });
    }
  });
}
