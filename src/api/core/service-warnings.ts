import type { Service } from '#api/core/v1.gen.ts';
import { cidrWarnings, ipWarnings } from '#api/machinery/ip-fields.ts';
import { CLUSTER_IP_NONE, isHeadless } from './service-facts.ts';

/** What is accepted and yet probably not what was meant. */
export function serviceWarnings(service: Service): string[] {
  const { spec } = service;
  const warnings: string[] = [];
  if ((spec?.externalIPs ?? []).length > 0) {
    warnings.push('spec.externalIPs: this field is deprecated; use other means of exposing Services');
  }
  if (spec?.type !== 'ExternalName' && spec?.externalName) {
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  }
  if (spec?.trafficDistribution === 'PreferClose') {
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
  if (isHeadless(service) && spec?.loadBalancerIP) {
    warnings.push('spec.loadBalancerIP is ignored when spec.clusterIP is "None"');
  }
  if (isHeadless(service) && spec?.sessionAffinity === 'ClientIP') {
    warnings.push('spec.SessionAffinity is ignored for headless services');
  }
  return [...warnings, ...formWarnings(service)];
}

function formWarnings({ spec }: Service): string[] {
  const addresses = (spec?.clusterIPs ?? []).flatMap((address, index) =>
    address === CLUSTER_IP_NONE ? [] : ipWarnings(address, `spec.clusterIPs[${index}]`),
  );
  const external = (spec?.externalIPs ?? []).flatMap((address, index) =>
    ipWarnings(address, `spec.externalIPs[${index}]`),
  );
  const ranges = (spec?.loadBalancerSourceRanges ?? []).flatMap((range, index) =>
    cidrWarnings(range.trim(), `spec.loadBalancerSourceRanges[${index}]`),
  );
  const balancer = spec?.loadBalancerIP ? ipWarnings(spec.loadBalancerIP, 'spec.loadBalancerIP') : [];
  return [...addresses, ...external, ...ranges, ...balancer];
}
