/** The EndpointSlices of one Service, from its pods. Pure. */
import type { Node, Pod, Service } from '#api/core/v1.gen.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '#api/discovery/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { controllerReference } from '#controllers/shared/owners.ts';
import { type AddressType, addressTypesOf, endpointOf, isEndpoint, portsFor } from './plan-endpoint.ts';
import { HEADLESS, MANAGED_BY, SERVICE_NAME, SLICE_CONTROLLER, TRIGGER_TIME } from './plan-labels.ts';
import { joinPlans, packEndpoints, portsKey, recycle, type SlicePlan } from './plan-packing.ts';

export interface ServiceState {
  service: Service;
  pods: readonly Pod[];
  /** Undefined: there is no such node. */
  node: (name: string) => Node | undefined;
  /** The slices of this controller for the Service. */
  slices: readonly EndpointSlice[];
  maxPerSlice: number;
  /** RFC 3339; undefined: nothing that set this off has a time. */
  triggerTime: string | undefined;
}

export interface ServicePlan extends SlicePlan {
  /** Pods left out because their node is not there (yet). */
  skipped: Pod[];
}

const SERVICE_KIND = { group: '', version: 'v1', kind: 'Service' };
const RESERVED = new Set([SERVICE_NAME, MANAGED_BY, HEADLESS]);

export function planService(state: ServiceState): ServicePlan {
  const { service, slices } = state;
  const families = addressTypesOf(service);
  const foreign = slices.filter((slice) => !families.some((family) => family === slice.addressType));
  const skipped = new Set<Pod>();
  const plans = families.map((family) => {
    const mine = slices.filter((slice) => slice.addressType === family);
    return stampTrigger(planFamily(state, family, mine, skipped), state.triggerTime);
  });
  const joined = joinPlans(plans);
  return { ...joined, remove: [...joined.remove, ...foreign], skipped: [...skipped] };
}

interface PortGroup {
  ports: EndpointPort[];
  endpoints: Endpoint[];
}

function planFamily(
  state: ServiceState,
  family: AddressType,
  existing: readonly EndpointSlice[],
  skipped: Set<Pod>,
): SlicePlan {
  const { service, maxPerSlice } = state;
  const owned = existing.filter((slice) => isOwnedBy(slice, service));
  const groups = groupByPorts(state, family, skipped);
  const refresh = (slice: EndpointSlice): EndpointSlice => withLabels(slice, service);
  const plans = [...groups].map(([key, { ports, endpoints }]) =>
    packEndpoints({
      existing: owned.filter((slice) => portsKey(slice.ports) === key),
      desired: endpoints,
      maxPerSlice,
      empty: newSlice(service, family, ports),
      refresh,
    }),
  );
  const unwanted = existing.filter((slice) => !owned.includes(slice) || !groups.has(portsKey(slice.ports)));
  const plan = joinPlans([...plans, { create: [], update: [], remove: unwanted, unchanged: [] }]);
  keepPlaceholder(plan, existing, newSlice(service, family, []), refresh);
  const recycled = recycle(
    plan,
    (slice, fresh) => slice.addressType === fresh.addressType && isOwnedBy(slice, service),
  );
  // A Service that is going gets no new slices; those it has follow their pods to the end.
  return service.metadata?.deletionTimestamp === undefined ? recycled : { ...recycled, create: [] };
}

/** The endpoints of one family by the ports they have: named ports may differ from pod to pod. */
function groupByPorts(
  { service, pods, node }: ServiceState,
  family: AddressType,
  skipped: Set<Pod>,
): Map<string, PortGroup> {
  const groups = new Map<string, PortGroup>();
  for (const pod of pods) {
    if (!isEndpoint(pod, true)) continue;
    const { nodeName } = pod.spec ?? {};
    const found = nodeName ? node(nodeName) : undefined;
    if (nodeName && found === undefined && service.spec?.publishNotReadyAddresses !== true) {
      skipped.add(pod);
      continue;
    }
    const endpoint = endpointOf(pod, found, service, family);
    if (endpoint === undefined) continue;
    const ports = portsFor(pod, service);
    const key = portsKey(ports);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { ports, endpoints: [endpoint] });
    else group.endpoints.push(endpoint);
  }
  return groups;
}

/** A Service without endpoints keeps one slice without any, so that readers know it was looked at. */
function keepPlaceholder(
  plan: SlicePlan,
  existing: readonly EndpointSlice[],
  placeholder: EndpointSlice,
  refresh: (slice: EndpointSlice) => EndpointSlice,
): void {
  if (plan.create.length > 0 || plan.remove.length < existing.length) return;
  const [only] = plan.remove;
  const isPlaceholder =
    plan.remove.length === 1 &&
    only !== undefined &&
    (only.endpoints ?? []).length === 0 &&
    (only.ports ?? []).length === 0 &&
    refresh(only) === only &&
    equalJson(only.metadata?.ownerReferences, placeholder.metadata?.ownerReferences);
  if (isPlaceholder) plan.unchanged.push(...plan.remove.splice(0));
  else plan.create.push(placeholder);
}

function newSlice(service: Service, addressType: AddressType, ports: EndpointPort[]): EndpointSlice {
  const { namespace, name = '' } = service.metadata ?? {};
  return {
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels: labelsOf(service),
      ownerReferences: [controllerReference(SERVICE_KIND, service)],
    },
    addressType,
    // As upstream's controllers write it: a slice without ports has no list of them.
    ...(ports.length > 0 && { ports }),
    endpoints: [],
  };
}

function isOwnedBy(slice: EndpointSlice, service: Service): boolean {
  return (slice.metadata?.ownerReferences ?? []).some((owner) => owner.uid === service.metadata?.uid);
}

export function isHeadless(service: Service): boolean {
  const { clusterIP } = service.spec ?? {};
  return !clusterIP || clusterIP === 'None';
}

function labelsOf(service: Service): Record<string, string> {
  const own = Object.entries(service.metadata?.labels ?? {}).filter(([key]) => !RESERVED.has(key));
  return {
    ...Object.fromEntries(own),
    ...(isHeadless(service) ? { [HEADLESS]: '' } : {}),
    [SERVICE_NAME]: service.metadata?.name ?? '',
    [MANAGED_BY]: SLICE_CONTROLLER,
  };
}

/** The same object when its labels are the Service's. */
function withLabels(slice: EndpointSlice, service: Service): EndpointSlice {
  const labels = labelsOf(service);
  if (equalJson(labels, slice.metadata?.labels)) return slice;
  return { ...slice, metadata: { ...slice.metadata, labels } };
}

/** Each slice that is written says what set it off, or no longer says so. */
export function stampTrigger(plan: SlicePlan, triggerTime: string | undefined): SlicePlan {
  const stamp = (slice: EndpointSlice): EndpointSlice => {
    const { [TRIGGER_TIME]: _old, ...others } = slice.metadata?.annotations ?? {};
    const annotations = triggerTime === undefined ? others : { ...others, [TRIGGER_TIME]: triggerTime };
    const { annotations: _before, ...metadata } = slice.metadata ?? {};
    return {
      ...slice,
      metadata: Object.keys(annotations).length > 0 ? { ...metadata, annotations } : metadata,
    };
  };
  return { ...plan, create: plan.create.map(stamp), update: plan.update.map(stamp) };
}
