/** Keeps the (old) Endpoints object of every Service with a selector. */
import type { Endpoints, Pod, Service } from '#api/core/v1.gen.ts';
import { keyOf } from '#api/machinery/object.ts';
import { endpointChanged } from '#controllers/endpointslice/plan-endpoint.ts';
import { TriggerTimes } from '#controllers/endpointslice/trigger-times.ts';
import {
  type ControllerContext,
  type ControllerDefinition,
  recorderOf,
  startQueue,
  unlessGone,
} from '#controllers/shared/context.ts';
import { OwnWrites } from '#controllers/shared/own-writes.ts';
import { indexPods } from '#controllers/shared/pods.ts';
import { hasSelector, indexServices, podsOf, servicesOf } from '#controllers/shared/service-index.ts';
import { isNamespaceTerminating } from '#kube/errors.ts';
import { type EventRecorder, referenceTo } from '#kube/events.ts';
import type { Informer } from '#kube/informer.ts';
import { ENDPOINTS, PODS, parseKey, SERVICES } from '#kube/resources.ts';
import type { WorkQueue } from '#kube/work-queue.ts';
import { planEndpoints } from './plan.ts';

export const ENDPOINTS_CONTROLLER_DEFINITION: ControllerDefinition = {
  name: 'endpoint',
  watches: [SERVICES, PODS, ENDPOINTS],
  start: (context) => new EndpointsController(context).start(),
};

class EndpointsController {
  readonly #context: ControllerContext;
  readonly #services: Informer<Service>;
  readonly #pods: Informer<Pod>;
  readonly #endpoints: Informer<Endpoints>;
  readonly #writes = new OwnWrites<Endpoints>();
  readonly #triggers = new TriggerTimes();
  readonly #recorder: EventRecorder;
  readonly #queue: WorkQueue;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#services = context.informers.get(SERVICES);
    this.#pods = context.informers.get(PODS);
    this.#endpoints = context.informers.get(ENDPOINTS);
    this.#recorder = recorderOf(context, 'endpoint-controller');
    // Few at a time: EndpointSlices, which the data planes read, come first.
    const backoff = { baseMs: 100, maxMs: 100_000 };
    this.#queue = startQueue(context, 'endpoint', {
      concurrency: 2,
      backoff,
      work: (key) => this.#sync(key),
    });
    indexPods(this.#pods);
    indexServices(this.#services);
  }

  start(): void {
    this.#services.onChange({
      onAdd: (service) => this.#queue.add(keyOf(service)),
      onUpdate: (service) => this.#queue.add(keyOf(service)),
      onDelete: (service) => this.#queue.add(keyOf(service)),
    });
    this.#pods.onChange({
      onAdd: (pod) => this.#podChanged(pod),
      onUpdate: (pod, old) => {
        if (!endpointChanged(pod, old)) return;
        this.#podChanged(pod);
        this.#podChanged(old);
      },
      onDelete: (pod) => this.#podChanged(pod),
    });
    this.#endpoints.onChange({
      onAdd: (endpoints) => this.#writes.observe(endpoints),
      // What users do to it stays until the Service changes, as upstream.
      onUpdate: (endpoints) => this.#writes.observe(endpoints),
      onDelete: (endpoints) => {
        if (this.#writes.observeGone(endpoints)) this.#queue.add(keyOf(endpoints));
      },
    });
  }

  #podChanged(pod: Pod): void {
    for (const service of servicesOf(this.#services, pod)) this.#queue.add(keyOf(service));
  }

  async #sync(key: string): Promise<void> {
    const service = this.#services.store.get(key);
    if (service === undefined) {
      await this.#remove(key);
      return;
    }
    if (!hasSelector(service)) return;
    const current = this.#current(key);
    const pods = podsOf(this.#pods, service);
    const planned = planEndpoints(service, pods, current, this.#triggers.next(service, pods));
    if (planned === undefined) return;
    const { client, signal } = this.#context;
    try {
      const creating = current === undefined;
      const written = await (creating
        ? client.create(ENDPOINTS, planned, { signal })
        : client.update(ENDPOINTS, planned, { signal }));
      this.#writes.wrote(written);
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      const verb = current === undefined ? 'create' : 'update';
      const message = `Failed to ${verb} endpoint ${key}: ${(error as Error).message}`;
      const reason = current === undefined ? 'FailedToCreateEndpoint' : 'FailedToUpdateEndpoint';
      this.#recorder.record(referenceTo(SERVICES, service), 'Warning', reason, message);
      throw error;
    }
  }

  /** The Service is gone: so go its Endpoints, also those that a user made for it. */
  async #remove(key: string): Promise<void> {
    this.#triggers.forget(key);
    const { client, signal } = this.#context;
    const current = this.#current(key);
    if (current === undefined) return;
    const preconditions = { uid: current.metadata?.uid };
    await unlessGone(client.delete(ENDPOINTS, parseKey(key), { preconditions, signal }));
    this.#writes.deleted(current);
  }

  /** As the cache has it, or as we have written it since. */
  #current(key: string): Endpoints | undefined {
    const cached = this.#endpoints.store.get(key);
    return this.#writes.apply(
      cached === undefined ? [] : [cached],
      (endpoints) => keyOf(endpoints) === key,
    )[0];
  }
}
