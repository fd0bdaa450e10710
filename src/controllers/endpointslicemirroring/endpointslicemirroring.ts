/** Mirrors Endpoints that users keep for Services without selector into EndpointSlices, which the data planes read. */
import type { Endpoints } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { keyOf } from '#api/machinery/object.ts';
import { applySlices } from '#controllers/endpointslice/apply.ts';
import { MANAGED_BY, MIRRORING_CONTROLLER, SERVICE_NAME } from '#controllers/endpointslice/plan-labels.ts';
import type { SlicePlan } from '#controllers/endpointslice/plan-packing.ts';
import {
  type ControllerContext,
  type ControllerDefinition,
  recorderOf,
  startQueue,
} from '#controllers/shared/context.ts';
import { OwnWrites } from '#controllers/shared/own-writes.ts';
import { referenceTo } from '#kube/events.ts';
import { ENDPOINT_SLICES, ENDPOINTS, SERVICES } from '#kube/resources.ts';
import { isMirrored, type MirrorPlan, planMirror } from './plan.ts';

export const MIRRORING_CONTROLLER_DEFINITION: ControllerDefinition = {
  name: 'endpointslicemirroring',
  watches: [SERVICES, ENDPOINTS, ENDPOINT_SLICES],
  start,
};

function start(context: ControllerContext): void {
  const { informers, config } = context;
  const services = informers.get(SERVICES);
  const endpoints = informers.get(ENDPOINTS);
  const slices = informers.get(ENDPOINT_SLICES);
  const writes = new OwnWrites<EndpointSlice>();
  const recorder = recorderOf(context, 'endpoint-slice-mirroring-controller');
  slices.addIndex('service', ({ metadata }) => {
    const name = metadata?.labels?.[SERVICE_NAME];
    return name === undefined ? [] : [`${metadata?.namespace}/${name}`];
  });

  const work = async (key: string): Promise<void> => {
    const belongs = (slice: EndpointSlice): boolean => ownerKey(slice) === key;
    const mine = writes.apply(slices.store.byIndex('service', key), belongs).filter(isOurs);
    const source = endpoints.store.get(key);
    if (!isMirrored(source, services.store.get(key))) {
      // Slices of Endpoints that are gone go with them, by their owner reference.
      if (source !== undefined || services.store.get(key) === undefined)
        await applySlices(removal(mine), context, writes);
      return;
    }
    const plan = planMirror(source, mine, config.mirroringMaxEndpointsPerSubset);
    await applySlices(plan, context, writes);
    for (const { reason, message } of complaints(plan, config.mirroringMaxEndpointsPerSubset)) {
      recorder.record(referenceTo(ENDPOINTS, source), 'Warning', reason, message);
    }
  };
  const backoff = { baseMs: 100, maxMs: 100_000 };
  const queue = startQueue(context, 'endpointslicemirroring', { concurrency: 2, backoff, work });

  const changed = (object: Endpoints): void => queue.add(keyOf(object));
  endpoints.onChange({ onAdd: changed, onUpdate: changed, onDelete: changed });
  services.onChange({
    onAdd: (service) => queue.add(keyOf(service)),
    onUpdate: (service) => queue.add(keyOf(service)),
    onDelete: (service) => queue.add(keyOf(service)),
  });
  const sliceChanged = (slice: EndpointSlice, news: boolean): void => {
    if (news && isOurs(slice)) queue.add(ownerKey(slice));
  };
  slices.onChange({
    onAdd: (slice) => sliceChanged(slice, writes.observe(slice)),
    onUpdate: (slice) => sliceChanged(slice, writes.observe(slice)),
    onDelete: (slice) => sliceChanged(slice, writes.observeGone(slice)),
  });
}

function isOurs(slice: EndpointSlice): boolean {
  return slice.metadata?.labels?.[MANAGED_BY] === MIRRORING_CONTROLLER;
}

function ownerKey(slice: EndpointSlice): string {
  return `${slice.metadata?.namespace}/${slice.metadata?.labels?.[SERVICE_NAME]}`;
}

function removal(remove: EndpointSlice[]): SlicePlan {
  return { create: [], update: [], remove, unchanged: [] };
}

function complaints({ skipped }: MirrorPlan, max: number): { reason: string; message: string }[] {
  const found: { reason: string; message: string }[] = [];
  if (skipped.tooMany > 0) {
    const message = `A max of ${max} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped.tooMany} addresses were skipped`;
    found.push({ reason: 'TooManyAddressesToMirror', message });
  }
  if (skipped.invalid > 0) {
    found.push({
      reason: 'InvalidAddress',
      message: `Skipped ${skipped.invalid} invalid IP addresses when mirroring to EndpointSlices`,
    });
  }
  return found;
}
