import { PROTOCOLS } from '#api/core/service-validate-ports.ts';
import { type FieldError, forbidden, invalid, notSupported, required } from '#api/machinery/field-error.ts';
import { validateCidr } from '#api/machinery/ip-fields.ts';
import { validateLabelSelector } from '#api/machinery/label-selector.ts';
import { portName, portNumber } from '#api/machinery/names.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '#api/networking/v1.gen.ts';
import { Cidr } from '#lib/ip.ts';

const TYPES = ['Egress', 'Ingress'];

export const networkPolicyStrategy: StrategyParts<NetworkPolicy> = {
  generation: 'spec',
  defaults: ({ spec }) => {
    if (spec === undefined) return;
    if ((spec.policyTypes ?? []).length === 0) {
      spec.policyTypes = (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
    }
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
    }
  },
  validate: validateNetworkPolicy,
};

function validateNetworkPolicy({ spec }: NetworkPolicy): FieldError[] {
  const errors = validateLabelSelector(spec?.podSelector, 'spec.podSelector');
  spec?.ingress?.forEach(({ ports, from }, index) => {
    errors.push(...validateRule(ports, from, `spec.ingress[${index}]`, 'from'));
  });
  spec?.egress?.forEach(({ ports, to }, index) => {
    errors.push(...validateRule(ports, to, `spec.egress[${index}]`, 'to'));
  });
  const types = spec?.policyTypes ?? [];
  if (types.length > TYPES.length) {
    return [...errors, invalid('spec.policyTypes', types, 'may not specify more than two policyTypes')];
  }
  types.forEach((type, index) => {
    if (!TYPES.includes(type)) errors.push(notSupported(`spec.policyTypes[${index}]`, type, TYPES));
  });
  return errors;
}

function validateRule(
  ports: readonly NetworkPolicyPort[] | undefined,
  peers: readonly NetworkPolicyPeer[] | undefined,
  path: string,
  side: 'from' | 'to',
): FieldError[] {
  return [
    ...(ports ?? []).flatMap((port, index) => validatePort(port, `${path}.ports[${index}]`)),
    ...(peers ?? []).flatMap((peer, index) => validatePeer(peer, `${path}.${side}[${index}]`)),
  ];
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (protocol && !PROTOCOLS.includes(protocol))
    errors.push(notSupported(`${path}.protocol`, protocol, PROTOCOLS));
  const given = port ?? undefined;
  if (typeof given === 'number')
    errors.push(...portNumber(given).map((text) => invalid(`${path}.port`, given, text)));
  else if (given !== undefined)
    errors.push(...portName(given).map((text) => invalid(`${path}.port`, given, text)));
  if (typeof endPort !== 'number') return errors;
  const at = `${path}.endPort`;
  if (typeof given === 'string')
    errors.push(invalid(at, endPort, 'may not be specified when `port` is non-numeric'));
  else if (given === undefined)
    errors.push(invalid(at, endPort, 'may not be specified when `port` is not specified'));
  else if (endPort < given) errors.push(invalid(at, endPort, 'must be greater than or equal to `port`'));
  return [...errors, ...portNumber(endPort).map((text) => invalid(at, endPort, text))];
}

function validatePeer(
  { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (podSelector) errors.push(...validateLabelSelector(podSelector, `${path}.podSelector`));
  if (namespaceSelector)
    errors.push(...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`));
  if (ipBlock) errors.push(...validateIpBlock(ipBlock, `${path}.ipBlock`));
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(required(path, 'must specify a peer'));
  if (ipBlock && (podSelector || namespaceSelector)) {
    errors.push(forbidden(path, 'may not specify both ipBlock and another peer'));
  }
  return errors;
}

function validateIpBlock({ cidr, except }: IPBlock, path: string): FieldError[] {
  if (cidr === '') return [required(`${path}.cidr`)];
  const errors = validateCidr(cidr, `${path}.cidr`);
  const outer = Cidr.parse(cidr);
  if (outer === undefined || errors.length > 0) return errors;
  except?.forEach((text, index) => {
    const at = `${path}.except[${index}]`;
    const malformed = validateCidr(text, at);
    errors.push(...malformed);
    const inner = Cidr.parse(text);
    if (inner === undefined || malformed.length > 0) return;
    const within = outer.contains(inner.network) && inner.prefixLength > outer.prefixLength;
    if (!within) errors.push(invalid(at, text, `must be a strict subset of \`cidr\``));
  });
  return errors;
}
