/**
 * Packs endpoints into slices with as few writes as can be: what is there stays where it is, new ones fill slices
 * that are written anyway. Pure. Slices of one address family and one set of ports at a time.
 */

import type { Endpoint, EndpointPort, EndpointSlice } from '#api/discovery/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { canonicalJson } from '#controllers/shared/template-hash.ts';

export interface SlicePlan {
  create: EndpointSlice[];
  update: EndpointSlice[];
  remove: EndpointSlice[];
  unchanged: EndpointSlice[];
}

export interface PackOptions {
  existing: readonly EndpointSlice[];
  desired: readonly Endpoint[];
  maxPerSlice: number;
  /** A slice with the right metadata, family and ports, and no endpoints. */
  empty: EndpointSlice;
  /** The slice with its metadata as it is to be; the same object when it is so. */
  refresh: (slice: EndpointSlice) => EndpointSlice;
}

/** Two endpoints of the same identity are the same endpoint in two states. */
export function identityOf({ addresses, hostname, targetRef }: Endpoint): string {
  return [
    [...addresses].sort().join(','),
    hostname ?? '',
    targetRef?.namespace ?? '',
    targetRef?.name ?? '',
  ].join('|');
}

/** Slices of equal ports belong together, in whatever order the ports are. */
export function portsKey(ports: readonly EndpointPort[] | null | undefined): string {
  return (ports ?? []).map(canonicalJson).sort().join(',');
}

export function packEndpoints(options: PackOptions): SlicePlan {
  const plan: SlicePlan = { create: [], update: [], remove: [], unchanged: [] };
  const missing = new Map(options.desired.map((endpoint) => [identityOf(endpoint), endpoint]));
  for (const slice of options.existing) keepInPlace(slice, missing, options, plan);
  const rest = [...missing.values()];
  fillUpdated(plan, rest, options.maxPerSlice);
  placeRest(plan, rest, options);
  return plan;
}

/** Leaves each endpoint in its slice, in its new state; drops what is not wanted any more. */
function keepInPlace(
  slice: EndpointSlice,
  missing: Map<string, Endpoint>,
  { refresh }: PackOptions,
  plan: SlicePlan,
): void {
  const before = slice.endpoints ?? [];
  const kept: Endpoint[] = [];
  let changed = false;
  for (const endpoint of before) {
    const identity = identityOf(endpoint);
    const wanted = missing.get(identity);
    if (wanted === undefined) continue;
    missing.delete(identity);
    const same = sameState(endpoint, wanted);
    kept.push(same ? endpoint : wanted);
    changed ||= !same;
  }
  const refreshed = refresh(slice);
  if (kept.length === 0) plan.remove.push(slice);
  else if (changed || kept.length !== before.length) plan.update.push({ ...refreshed, endpoints: kept });
  else if (refreshed !== slice) plan.update.push({ ...refreshed, endpoints: kept });
  else plan.unchanged.push(slice);
}

function sameState(a: Endpoint, b: Endpoint): boolean {
  const facts = ({ conditions, nodeName, zone, hints, targetRef, addresses }: Endpoint) => ({
    conditions,
    nodeName,
    zone,
    hints,
    addresses,
    kind: targetRef?.kind,
    uid: targetRef?.uid,
  });
  return equalJson(facts(a), facts(b));
}

/** Slices that are written anyway take new endpoints, the fullest first. */
function fillUpdated(plan: SlicePlan, rest: Endpoint[], maxPerSlice: number): void {
  const byFill = plan.update.toSorted((a, b) => sizeOf(b) - sizeOf(a));
  for (const slice of byFill) {
    if (rest.length === 0) return;
    const room = maxPerSlice - sizeOf(slice);
    if (room > 0) slice.endpoints = [...(slice.endpoints ?? []), ...rest.splice(0, room)];
  }
}

/** The remainder goes into the unchanged slice that it fills best, or into new slices. */
function placeRest(plan: SlicePlan, rest: Endpoint[], { maxPerSlice, empty }: PackOptions): void {
  while (rest.length > 0) {
    const target = rest.length < maxPerSlice ? bestFit(plan.unchanged, rest.length, maxPerSlice) : undefined;
    if (target === undefined) {
      plan.create.push({ ...empty, endpoints: rest.splice(0, maxPerSlice) });
      continue;
    }
    plan.unchanged.splice(plan.unchanged.indexOf(target), 1);
    plan.update.push({ ...target, endpoints: [...(target.endpoints ?? []), ...rest.splice(0)] });
  }
}

function bestFit(
  slices: readonly EndpointSlice[],
  count: number,
  maxPerSlice: number,
): EndpointSlice | undefined {
  const fitting = slices.filter((slice) => sizeOf(slice) + count <= maxPerSlice);
  return fitting.toSorted((a, b) => sizeOf(b) - sizeOf(a))[0];
}

function sizeOf(slice: EndpointSlice): number {
  return slice.endpoints?.length ?? 0;
}

/** A slice to be deleted becomes one to be created, where family and owner allow: one write instead of two. */
export function recycle(
  plan: SlicePlan,
  mayReuse: (slice: EndpointSlice, as: EndpointSlice) => boolean,
): SlicePlan {
  const create = [...plan.create];
  const update = [...plan.update];
  const remove: EndpointSlice[] = [];
  for (const slice of plan.remove) {
    const fresh = create.at(-1);
    if (fresh === undefined || !mayReuse(slice, fresh)) {
      remove.push(slice);
      continue;
    }
    create.pop();
    const { annotations } = slice.metadata ?? {};
    const metadata = { ...slice.metadata, labels: fresh.metadata?.labels, annotations };
    update.push({ ...fresh, metadata });
  }
  return { create, update, remove, unchanged: plan.unchanged };
}

export function joinPlans(plans: readonly SlicePlan[]): SlicePlan {
  return {
    create: plans.flatMap((plan) => plan.create),
    update: plans.flatMap((plan) => plan.update),
    remove: plans.flatMap((plan) => plan.remove),
    unchanged: plans.flatMap((plan) => plan.unchanged),
  };
}
