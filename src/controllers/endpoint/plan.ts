/** The Endpoints object of a Service, from its pods. Pure. */
import type { EndpointAddress, Endpoints, Pod, Service } from '#api/core/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { isHeadless } from '#controllers/endpointslice/plan.ts';
import {
  addressTypeOf,
  addressTypesOf,
  hostnameFor,
  isEndpoint,
  podIps,
  portsFor,
} from '#controllers/endpointslice/plan-endpoint.ts';
import {
  ENDPOINTS_CONTROLLER,
  ENDPOINTS_MANAGED_BY,
  HEADLESS,
  OVER_CAPACITY,
  TRIGGER_TIME,
} from '#controllers/endpointslice/plan-labels.ts';
import { isReady } from '#controllers/shared/pods.ts';
import { type PortedAddress, packSubsets, truncate } from './plan-subsets.ts';

/** The object to write; undefined when the one that is there says it already. */
export function planEndpoints(
  service: Service,
  pods: readonly Pod[],
  current: Endpoints | undefined,
  triggerTime: string | undefined,
): Endpoints | undefined {
  const all = packSubsets(pods.flatMap((pod) => portedAddresses(pod, service)));
  const cut = truncate(all);
  const subsets = cut ?? all;
  const labels = labelsOf(service);
  const known = current?.metadata;
  const overCapacity = cut === undefined ? undefined : 'truncated';
  if (
    current !== undefined &&
    equalJson(current.subsets ?? [], subsets) &&
    equalJson(known?.labels, labels) &&
    known?.annotations?.[OVER_CAPACITY] === overCapacity
  ) {
    return undefined;
  }
  const { [TRIGGER_TIME]: _trigger, [OVER_CAPACITY]: _over, ...others } = known?.annotations ?? {};
  const annotations = {
    ...others,
    ...(triggerTime === undefined ? {} : { [TRIGGER_TIME]: triggerTime }),
    ...(overCapacity === undefined ? {} : { [OVER_CAPACITY]: overCapacity }),
  };
  const { namespace, name } = service.metadata ?? {};
  return {
    metadata: { ...(known ?? { namespace, name }), labels, annotations },
    ...(subsets.length > 0 && { subsets }),
  };
}

function portedAddresses(pod: Pod, service: Service): PortedAddress[] {
  const unready = service.spec?.publishNotReadyAddresses === true;
  if (!isEndpoint(pod, unready)) return [];
  const [family] = addressTypesOf(service);
  const ip = podIps(pod).find((address) => addressTypeOf(address) === family);
  if (ip === undefined) return [];
  const { namespace, name, uid } = pod.metadata ?? {};
  const { nodeName } = pod.spec ?? {};
  const hostname = hostnameFor(pod, service);
  const address: EndpointAddress = {
    ip,
    ...(hostname && { hostname }),
    ...(nodeName && { nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
  const ready = unready || isReady(pod);
  if ((service.spec?.ports ?? []).length === 0) {
    return isHeadless(service) ? [{ address, ready, port: undefined }] : [];
  }
  return portsFor(pod, service).map(({ name: portName, port = 0, protocol, appProtocol }) => ({
    address,
    ready,
    port: {
      ...(portName ? { name: portName } : {}),
      port,
      protocol,
      ...(appProtocol === undefined ? {} : { appProtocol }),
    },
  }));
}

function labelsOf(service: Service): Record<string, string> {
  const { [HEADLESS]: _reserved, ...labels } = service.metadata?.labels ?? {};
  return {
    ...labels,
    ...(isHeadless(service) ? { [HEADLESS]: '' } : {}),
    [ENDPOINTS_MANAGED_BY]: ENDPOINTS_CONTROLLER,
  };
}
