// What is wrong with a Service. Sentences and paths are upstream's.
import type { Service } from '#api/core/v1.gen.ts';
import { type FieldError, forbidden, invalid, notSupported, required } from '#api/machinery/field-error.ts';
import { validateCidr, validateIp, validateNonSpecialIp } from '#api/machinery/ip-fields.ts';
import { dns1123Subdomain, portNumber, qualifiedName } from '#api/machinery/names.ts';
import { validateLabels } from '#api/machinery/validate-meta.ts';
import {
  isExternallyAccessible,
  isHeadless,
  needsClusterIp,
  needsHealthCheckNodePort,
} from './service-facts.ts';
import { validateClusterIpFields } from './service-validate-ips.ts';
import { validatePorts } from './service-validate-ports.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const AFFINITIES = ['ClientIP', 'None'];
const TRAFFIC_POLICIES = ['Cluster', 'Local'];
const DISTRIBUTIONS = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];
const SOURCE_RANGES_ANNOTATION = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'";
const MAX_AFFINITY_SECONDS = 86400;

/** Findings about a Service, new or changed. */
export function validateService(service: Service): FieldError[] {
  return [
    ...validatePorts(service),
    ...validateType(service),
    ...validateLabels(service.spec?.selector, 'spec.selector'),
    ...validateAffinity(service),
    ...validateClusterIpFields(service),
    ...validateExternalIps(service),
    ...validateLoadBalancer(service),
    ...validateTrafficPolicies(service),
  ];
}

function validateType(service: Service): FieldError[] {
  const type = service.spec?.type ?? '';
  if (type === 'ExternalName') return validateExternalName(service);
  if (type === '') return [required('spec.type')];
  if (!TYPES.includes(type)) return [notSupported('spec.type', type, TYPES)];
  if (type === 'ClusterIP' || !isHeadless(service)) return [];
  return [invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`)];
}

function validateExternalName({ spec }: Service): FieldError[] {
  const not = 'may not be set for ExternalName services';
  const errors: FieldError[] = [];
  if ((spec?.clusterIPs ?? []).length > 0 || spec?.clusterIP) errors.push(forbidden('spec.clusterIPs', not));
  if ((spec?.ipFamilies ?? []).length > 0) errors.push(forbidden('spec.ipFamilies', not));
  if (typeof spec?.ipFamilyPolicy === 'string') errors.push(forbidden('spec.ipFamilyPolicy', not));
  const name = (spec?.externalName ?? '').replace(/\.$/, '');
  if (name === '') errors.push(required('spec.externalName'));
  else errors.push(...dns1123Subdomain(name).map((text) => invalid('spec.externalName', name, text)));
  return errors;
}

function validateAffinity({ spec }: Service): FieldError[] {
  const affinity = spec?.sessionAffinity ?? '';
  const path = 'spec.sessionAffinityConfig';
  if (affinity === '') return [required('spec.sessionAffinity')];
  if (!AFFINITIES.includes(affinity)) return [notSupported('spec.sessionAffinity', affinity, AFFINITIES)];
  const config = spec?.sessionAffinityConfig ?? undefined;
  if (affinity === 'None') {
    return config === undefined ? [] : [forbidden(path, 'must not be set when session affinity is None')];
  }
  const seconds = config?.clientIP?.timeoutSeconds;
  if (typeof seconds !== 'number') return [required(`${path}.clientIP.timeoutSeconds`)];
  if (seconds > 0 && seconds <= MAX_AFFINITY_SECONDS) return [];
  return [
    invalid(
      `${path}.clientIP.timeoutSeconds`,
      seconds,
      `must be greater than 0 and less than or equal to ${MAX_AFFINITY_SECONDS}`,
    ),
  ];
}

function validateExternalIps({ spec }: Service): FieldError[] {
  return (spec?.externalIPs ?? []).flatMap((address, index) => {
    const path = `spec.externalIPs[${index}]`;
    const errors = validateIp(address, path);
    return errors.length > 0 ? errors : validateNonSpecialIp(address, path);
  });
}

function validateLoadBalancer(service: Service): FieldError[] {
  const { spec } = service;
  const isBalanced = spec?.type === 'LoadBalancer';
  const errors = validateSourceRanges(service);
  const allocate = spec?.allocateLoadBalancerNodePorts ?? undefined;
  if (allocate !== undefined && !isBalanced) {
    errors.push(forbidden('spec.allocateLoadBalancerNodePorts', ONLY_LOAD_BALANCER));
  }
  if (allocate === undefined && isBalanced) errors.push(required('spec.allocateLoadBalancerNodePorts'));
  const className = spec?.loadBalancerClass ?? undefined;
  if (className === undefined) return errors;
  if (!isBalanced) return [...errors, forbidden('spec.loadBalancerClass', ONLY_LOAD_BALANCER)];
  const texts = qualifiedName(className);
  return [...errors, ...texts.map((text) => invalid('spec.loadBalancerClass', className, text))];
}

function validateSourceRanges({ spec, metadata }: Service): FieldError[] {
  // The capital letter is upstream's.
  const field = 'spec.LoadBalancerSourceRanges';
  const annotation = metadata?.annotations?.[SOURCE_RANGES_ANNOTATION];
  const isBalanced = spec?.type === 'LoadBalancer';
  const errors: FieldError[] = [];
  if ((spec?.loadBalancerSourceRanges ?? []).length > 0) {
    if (!isBalanced) errors.push(forbidden(field, ONLY_LOAD_BALANCER));
    spec?.loadBalancerSourceRanges?.forEach((range, index) => {
      errors.push(...validateCidr(range.trim(), `${field}[${index}]`));
    });
  } else if (annotation !== undefined) {
    const path = `metadata.annotations[${SOURCE_RANGES_ANNOTATION}]`;
    if (!isBalanced) errors.push(forbidden(path, ONLY_LOAD_BALANCER));
    const ranges = annotation.trim() === '' ? [] : annotation.split(',');
    for (const range of ranges) errors.push(...validateCidr(range.trim(), path));
  }
  return errors;
}

function validateTrafficPolicies(service: Service): FieldError[] {
  const { internalTrafficPolicy, trafficDistribution } = service.spec ?? {};
  const errors = [...validateExternalTraffic(service), ...validateHealthCheckPort(service)];
  if (typeof internalTrafficPolicy !== 'string') {
    if (needsClusterIp(service)) errors.push(required('spec.internalTrafficPolicy'));
  } else if (!TRAFFIC_POLICIES.includes(internalTrafficPolicy)) {
    errors.push(notSupported('spec.internalTrafficPolicy', internalTrafficPolicy, TRAFFIC_POLICIES));
  }
  if (typeof trafficDistribution === 'string' && !DISTRIBUTIONS.includes(trafficDistribution)) {
    errors.push(notSupported('spec.trafficDistribution', trafficDistribution, DISTRIBUTIONS));
  }
  return errors;
}

function validateExternalTraffic(service: Service): FieldError[] {
  const path = 'spec.externalTrafficPolicy';
  const policy = service.spec?.externalTrafficPolicy ?? '';
  if (!isExternallyAccessible(service)) {
    return policy === '' ? [] : [invalid(path, policy, 'may only be set for externally-accessible services')];
  }
  if (policy === '') return [required(path)];
  return TRAFFIC_POLICIES.includes(policy) ? [] : [notSupported(path, policy, TRAFFIC_POLICIES)];
}

function validateHealthCheckPort(service: Service): FieldError[] {
  const path = 'spec.healthCheckNodePort';
  const port = service.spec?.healthCheckNodePort ?? 0;
  if (!needsHealthCheckNodePort(service)) {
    const text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    return port === 0 ? [] : [invalid(path, port, text)];
  }
  if (port === 0) return [required(path)];
  return portNumber(port).map((text) => invalid(path, port, text));
}
