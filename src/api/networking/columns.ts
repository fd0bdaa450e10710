import { cutAddresses, loadBalancerText } from '#api/core/service-columns.ts';
import { type CellsOf, cells, NONE, nameOf, objectAge, orNone } from '#api/machinery/cells.ts';
import { formatLabelSelector } from '#api/machinery/label-selector.ts';
import type { Ingress, IngressClass, IPAddress, NetworkPolicy, ServiceCIDR } from '#api/networking/v1.gen.ts';

const MAX_HOSTS = 3;
const DEFAULT_CLASS = 'ingressclass.kubernetes.io/is-default-class';

function hostsText(ingress: Ingress): string {
  const rules = ingress.spec?.rules ?? [];
  const hosts = rules
    .slice(0, MAX_HOSTS)
    .map(({ host }) => host ?? '')
    .filter((host) => host !== '');
  if (hosts.length === 0) return '*';
  const shown = hosts.join(',');
  return rules.length > MAX_HOSTS ? `${shown} + ${rules.length - MAX_HOSTS} more...` : shown;
}

function ingress(object: Ingress, nowMs: number): unknown[] {
  return [
    nameOf(object),
    orNone(object.spec?.ingressClassName),
    hostsText(object),
    cutAddresses(loadBalancerText(object.status?.loadBalancer?.ingress)),
    (object.spec?.tls ?? []).length > 0 ? '80, 443' : '80',
    objectAge(object, nowMs),
  ];
}

function ingressClass(object: IngressClass, nowMs: number): unknown[] {
  const isDefault = object.metadata?.annotations?.[DEFAULT_CLASS] === 'true';
  const { parameters } = object.spec ?? {};
  let text = NONE;
  if (parameters) {
    const kind = parameters.apiGroup ? `${parameters.kind}.${parameters.apiGroup}` : parameters.kind;
    text = `${kind}/${parameters.name}`;
  }
  return [
    isDefault ? `${nameOf(object)} (default)` : nameOf(object),
    object.spec?.controller ?? '',
    text,
    objectAge(object, nowMs),
  ];
}

function networkPolicy(object: NetworkPolicy, nowMs: number): unknown[] {
  return [nameOf(object), formatLabelSelector(object.spec?.podSelector), objectAge(object, nowMs)];
}

function serviceCidr(object: ServiceCIDR, nowMs: number): unknown[] {
  return [nameOf(object), (object.spec?.cidrs ?? []).join(','), objectAge(object, nowMs)];
}

/** Three cells for two columns, as upstream sends them. */
function ipAddress(object: IPAddress, nowMs: number): unknown[] {
  const { parentRef } = object.spec ?? {};
  if (!parentRef) return [nameOf(object), NONE, objectAge(object, nowMs)];
  const resource = parentRef.group ? `${parentRef.resource}.${parentRef.group}` : parentRef.resource;
  const path = [resource, parentRef.namespace].filter(Boolean).join('/').toLowerCase();
  return [nameOf(object), `${path}/${parentRef.name}`, objectAge(object, nowMs)];
}

export const networkingCells: Readonly<Record<string, CellsOf>> = {
  'networking.k8s.io/Ingress': cells(ingress),
  'networking.k8s.io/IngressClass': cells(ingressClass),
  'networking.k8s.io/NetworkPolicy': cells(networkPolicy),
  'networking.k8s.io/ServiceCIDR': cells(serviceCidr),
  'networking.k8s.io/IPAddress': cells(ipAddress),
};
