/** Keeps the EndpointSlices of every Service with a selector. */
import type { Node, Pod, Service } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { keyOf } from '#api/machinery/object.ts';
import {
  type ControllerContext,
  type ControllerDefinition,
  recorderOf,
  startQueue,
} from '#controllers/shared/context.ts';
import { OwnWrites } from '#controllers/shared/own-writes.ts';
import { indexPods } from '#controllers/shared/pods.ts';
import { hasSelector, indexServices, podsOf, servicesOf } from '#controllers/shared/service-index.ts';
import { type EventRecorder, referenceTo } from '#kube/events.ts';
import type { Informer } from '#kube/informer.ts';
import { ENDPOINT_SLICES, NODES, PODS, SERVICES } from '#kube/resources.ts';
import type { WorkQueue } from '#kube/work-queue.ts';
import { applySlices } from './apply.ts';
import { planService } from './plan.ts';
import { endpointChanged } from './plan-endpoint.ts';
import { MANAGED_BY, SERVICE_NAME, SLICE_CONTROLLER } from './plan-labels.ts';
import { TriggerTimes } from './trigger-times.ts';

export const ENDPOINT_SLICES_CONTROLLER: ControllerDefinition = {
  name: 'endpointslice',
  watches: [SERVICES, PODS, NODES, ENDPOINT_SLICES],
  start: (context) => new EndpointSliceController(context).start(),
};

class EndpointSliceController {
  readonly #context: ControllerContext;
  readonly #services: Informer<Service>;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #writes = new OwnWrites<EndpointSlice>();
  readonly #triggers = new TriggerTimes();
  readonly #recorder: EventRecorder;
  readonly #queue: WorkQueue;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#services = context.informers.get(SERVICES);
    this.#pods = context.informers.get(PODS);
    this.#nodes = context.informers.get(NODES);
    this.#slices = context.informers.get(ENDPOINT_SLICES);
    this.#recorder = recorderOf(context, 'endpoint-slice-controller');
    const backoff = { baseMs: 100, maxMs: 100_000 };
    this.#queue = startQueue(context, 'endpointslice', {
      concurrency: 8,
      backoff,
      work: (key) => this.#sync(key),
    });
    indexPods(this.#pods);
    indexServices(this.#services);
    this.#slices.addIndex('service', (slice) => {
      const name = slice.metadata?.labels?.[SERVICE_NAME];
      return name === undefined ? [] : [`${slice.metadata?.namespace}/${name}`];
    });
  }

  start(): void {
    this.#services.onChange({
      onAdd: (service) => this.#queue.add(keyOf(service)),
      onUpdate: (service) => this.#queue.add(keyOf(service)),
      onDelete: (service) => this.#triggers.forget(keyOf(service)),
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
    this.#slices.onChange({
      onAdd: (slice) => this.#sliceChanged(slice, undefined),
      onUpdate: (slice, old) => this.#sliceChanged(slice, old),
      onDelete: (slice) => {
        if (this.#writes.observeGone(slice)) this.#queueOwner(slice);
      },
    });
    // Pods whose node was not known yet waited for it.
    this.#nodes.onChange({
      onAdd: (node) => {
        for (const pod of this.#pods.store.byIndex('node', keyOf(node))) this.#podChanged(pod);
      },
    });
  }

  #podChanged(pod: Pod): void {
    const { endpointUpdatesBatchMs } = this.#context.config;
    for (const service of servicesOf(this.#services, pod))
      this.#queue.addAfter(keyOf(service), endpointUpdatesBatchMs);
  }

  /** Somebody else changed one of our slices. */
  #sliceChanged(slice: EndpointSlice, old: EndpointSlice | undefined): void {
    const news = this.#writes.observe(slice);
    const contents = ({ metadata, ...rest }: EndpointSlice) => ({ ...rest, labels: metadata?.labels });
    if (!news || (old !== undefined && equalJson(contents(slice), contents(old)))) return;
    this.#queueOwner(slice);
    if (old !== undefined) this.#queueOwner(old);
  }

  #queueOwner(slice: EndpointSlice): void {
    if (!isOurs(slice)) return;
    this.#queue.add(`${slice.metadata?.namespace}/${slice.metadata?.labels?.[SERVICE_NAME]}`);
  }

  async #sync(key: string): Promise<void> {
    const service = this.#services.store.get(key);
    // Slices of a Service that is gone go with it, by their owner reference.
    if (service === undefined || !hasSelector(service)) return;
    const pods = podsOf(this.#pods, service);
    const belongs = (slice: EndpointSlice): boolean =>
      slice.metadata?.namespace === service.metadata?.namespace &&
      slice.metadata?.labels?.[SERVICE_NAME] === service.metadata?.name;
    const slices = this.#writes.apply(this.#slices.store.byIndex('service', key), belongs).filter(isOurs);
    const plan = planService({
      service,
      pods,
      slices,
      node: (name) => this.#nodes.store.get(name),
      maxPerSlice: this.#context.config.maxEndpointsPerSlice,
      triggerTime: this.#triggers.next(service, pods),
    });
    try {
      await applySlices(plan, this.#context, this.#writes);
    } catch (error) {
      this.#warn(service, (error as Error).message);
      throw error;
    }
    const [skipped] = plan.skipped;
    if (skipped !== undefined) {
      const { metadata, spec } = skipped;
      this.#warn(
        service,
        `skipping Pod ${metadata?.name} for Service ${key}: Node ${spec?.nodeName} Not Found`,
      );
    }
  }

  #warn(service: Service, why: string): void {
    const message = `Error updating Endpoint Slices for Service ${keyOf(service)}: ${why}`;
    this.#recorder.record(referenceTo(SERVICES, service), 'Warning', 'FailedToUpdateEndpointSlices', message);
  }
}

function isOurs(slice: EndpointSlice): boolean {
  return slice.metadata?.labels?.[MANAGED_BY] === SLICE_CONTROLLER;
}
