/** The EndpointSlices that mirror an Endpoints object which a user keeps. Pure. */
import type { EndpointAddress, EndpointSubset, Endpoints, Service } from '#api/core/v1.gen.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '#api/discovery/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { type AddressType, addressTypeOf } from '#controllers/endpointslice/plan-endpoint.ts';
import {
  HEADLESS,
  LAST_APPLIED,
  LEADER,
  MANAGED_BY,
  MIRRORING_CONTROLLER,
  SERVICE_NAME,
  SKIP_MIRROR,
  TRIGGER_TIME,
} from '#controllers/endpointslice/plan-labels.ts';
import {
  joinPlans,
  packEndpoints,
  portsKey,
  recycle,
  type SlicePlan,
} from '#controllers/endpointslice/plan-packing.ts';
import { controllerReference } from '#controllers/shared/owners.ts';
import { parseIp } from '#lib/ip.ts';

export interface MirrorPlan extends SlicePlan {
  /** Addresses that were left out, and why. */
  skipped: { tooMany: number; invalid: number };
}

const ENDPOINTS_KIND = { group: '', version: 'v1', kind: 'Endpoints' };
const RESERVED_LABELS = new Set([SERVICE_NAME, MANAGED_BY, HEADLESS]);
const RESERVED_ANNOTATIONS = new Set([TRIGGER_TIME, LAST_APPLIED]);

/** Whether Endpoints are to be mirrored: a user's, for a Service that selects no pods. */
export function isMirrored(
  endpoints: Endpoints | undefined,
  service: Service | undefined,
): endpoints is Endpoints {
  if (endpoints === undefined || service === undefined) return false;
  const { labels, annotations } = endpoints.metadata ?? {};
  if (labels?.[SKIP_MIRROR] === 'true' || annotations?.[LEADER] !== undefined) return false;
  return Object.keys(service.spec?.selector ?? {}).length === 0;
}

interface Group {
  family: AddressType;
  ports: EndpointPort[];
  endpoints: Map<string, Endpoint>;
}

export function planMirror(
  endpoints: Endpoints,
  slices: readonly EndpointSlice[],
  maxPerSubset: number,
): MirrorPlan {
  const skipped = { tooMany: 0, invalid: 0 };
  const groups = new Map<string, Group>();
  for (const subset of endpoints.subsets ?? []) addSubset(groups, subset, maxPerSubset, skipped);
  const keyOfSlice = (slice: EndpointSlice): string => `${slice.addressType} ${portsKey(slice.ports)}`;
  const refresh = (slice: EndpointSlice): EndpointSlice => withMetadata(slice, endpoints);
  const plans = [...groups].map(([key, { family, ports, endpoints: desired }]) =>
    packEndpoints({
      existing: slices.filter((slice) => keyOfSlice(slice) === key),
      desired: [...desired.values()],
      maxPerSlice: maxPerSubset,
      empty: newSlice(endpoints, family, ports),
      refresh,
    }),
  );
  const remove = slices.filter((slice) => !groups.has(keyOfSlice(slice)));
  const plan = joinPlans([...plans, { create: [], update: [], remove, unchanged: [] }]);
  return { ...recycle(plan, (slice, fresh) => slice.addressType === fresh.addressType), skipped };
}

function addSubset(
  groups: Map<string, Group>,
  subset: EndpointSubset,
  max: number,
  skipped: MirrorPlan['skipped'],
): void {
  const ports = (subset.ports ?? []).map(
    ({ name = '', port, protocol = 'TCP', appProtocol }): EndpointPort => ({
      name,
      port,
      protocol,
      ...(appProtocol === undefined ? {} : { appProtocol }),
    }),
  );
  let count = 0;
  const all = [
    ...(subset.addresses ?? []).map((address) => ({ address, ready: true })),
    ...(subset.notReadyAddresses ?? []).map((address) => ({ address, ready: false })),
  ];
  for (const { address, ready } of all) {
    const ip = parseIp(address.ip);
    if (ip === undefined) skipped.invalid++;
    else if (count >= max) skipped.tooMany++;
    else {
      const family = addressTypeOf(ip);
      const key = `${family} ${portsKey(ports)}`;
      const group = groups.get(key) ?? { family, ports, endpoints: new Map<string, Endpoint>() };
      groups.set(key, group);
      const identity = `${ip} ${address.targetRef?.uid ?? ''}`;
      const known = group.endpoints.get(identity);
      // Said twice: the first one counts, and is ready only if both are.
      if (known === undefined) group.endpoints.set(identity, endpointOf(address, ip, ready));
      else if (!ready) known.conditions = { ready };
      count++;
    }
  }
}

function endpointOf(
  { hostname, nodeName, targetRef }: EndpointAddress,
  ip: string,
  ready: boolean,
): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(targetRef && { targetRef }),
    ...(nodeName && { nodeName }),
    ...(hostname && { hostname }),
  };
}

function metadataOf(endpoints: Endpoints): {
  labels: Record<string, string>;
  annotations: Record<string, string>;
} {
  const { labels = {}, annotations = {}, name = '' } = endpoints.metadata ?? {};
  const without = (fields: Record<string, string>, reserved: ReadonlySet<string>) =>
    Object.fromEntries(Object.entries(fields).filter(([key]) => !reserved.has(key)));
  return {
    labels: { ...without(labels, RESERVED_LABELS), [SERVICE_NAME]: name, [MANAGED_BY]: MIRRORING_CONTROLLER },
    annotations: without(annotations, RESERVED_ANNOTATIONS),
  };
}

function newSlice(endpoints: Endpoints, addressType: AddressType, ports: EndpointPort[]): EndpointSlice {
  const { namespace, name = '' } = endpoints.metadata ?? {};
  const { labels, annotations } = metadataOf(endpoints);
  return {
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels,
      ...(Object.keys(annotations).length > 0 && { annotations }),
      ownerReferences: [controllerReference(ENDPOINTS_KIND, endpoints)],
    },
    addressType,
    // As upstream's controllers write it: a slice without ports has no list of them.
    ...(ports.length > 0 && { ports }),
    endpoints: [],
  };
}

/** The same object when labels, annotations and owner are those of the Endpoints. */
function withMetadata(slice: EndpointSlice, endpoints: Endpoints): EndpointSlice {
  const { labels, annotations } = metadataOf(endpoints);
  const ownerReferences = [controllerReference(ENDPOINTS_KIND, endpoints)];
  const known = slice.metadata;
  const same =
    equalJson(known?.labels, labels) &&
    equalJson(known?.annotations ?? {}, annotations) &&
    equalJson(known?.ownerReferences, ownerReferences);
  return same ? slice : { ...slice, metadata: { ...known, labels, annotations, ownerReferences } };
}
