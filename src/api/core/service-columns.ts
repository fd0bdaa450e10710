import type { LoadBalancerIngress, Service, ServicePort } from '#api/core/v1.gen.ts';
import { labelsText, nameOf, objectAge, orNone } from '#api/machinery/cells.ts';

/** Longer lists of load balancer addresses are cut, as `kubectl get` shows them. */
const MAX_ADDRESSES_TEXT = 16;

/** NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE, wide: SELECTOR. */
export function serviceCells(service: Service, nowMs: number): unknown[] {
  const { spec } = service;
  return [
    nameOf(service),
    spec?.type ?? '',
    orNone(spec?.clusterIPs?.[0] ?? spec?.clusterIP),
    externalAddresses(service),
    orNone((spec?.ports ?? []).map(portText).join(',')),
    objectAge(service, nowMs),
    labelsText(spec?.selector),
  ];
}

function portText({ port, nodePort, protocol }: ServicePort): string {
  return nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`;
}

function externalAddresses({ spec, status }: Service): string {
  const external = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case 'ExternalName':
      return spec.externalName ?? '';
    case 'LoadBalancer': {
      const balancer = loadBalancerText(status?.loadBalancer?.ingress);
      const all = balancer === '' ? external : [balancer, ...external];
      return all.length === 0 ? '<pending>' : all.join(',');
    }
    default:
      return orNone(external.join(','));
  }
}

/** Sorted addresses and names joined by comma. */
export function loadBalancerText(
  ingress: readonly Pick<LoadBalancerIngress, 'ip' | 'hostname'>[] | null | undefined,
): string {
  const names = (ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').filter((text) => text !== '');
  return [...new Set(names)].sort().join(',');
}

/** Cut to what fits a column: 13 characters and dots. */
export function cutAddresses(text: string): string {
  return text.length > MAX_ADDRESSES_TEXT ? `${text.slice(0, MAX_ADDRESSES_TEXT - 3)}...` : text;
}
