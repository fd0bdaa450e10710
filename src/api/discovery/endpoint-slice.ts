import { PROTOCOLS } from '#api/core/service-validate-ports.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '#api/discovery/v1.gen.ts';
import {
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  required,
  tooMany,
} from '#api/machinery/field-error.ts';
import { validateNonSpecialIp } from '#api/machinery/ip-fields.ts';
import { dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from '#api/machinery/names.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { validateImmutable } from '#api/machinery/validate-meta.ts';
import { ipFamily, parseIp } from '#lib/ip.ts';

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'];
const MAX_ENDPOINTS = 1000;
const MAX_PORTS = 20_000;
const MAX_ADDRESSES = 100;
const MAX_HINTS = 8;

export const endpointSliceStrategy: StrategyParts<EndpointSlice> = {
  generation: (slice) => [slice.addressType, slice.endpoints, slice.ports, slice.metadata?.labels],
  defaults: ({ ports }) => {
    for (const port of ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  // The field is read-only since v1; what older versions kept there is not taken any more.
  prepareForCreate: ({ endpoints }) => {
    for (const endpoint of endpoints ?? []) delete endpoint.deprecatedTopology;
  },
  validate: validateSlice,
  validateUpdate: (slice, old) => [
    ...validateImmutable(slice.addressType, old.addressType, 'addressType'),
    ...validateSlice(slice),
  ],
  warnings: ({ addressType }) =>
    addressType === 'FQDN' ? ['addressType: FQDN endpoints are deprecated'] : [],
};

function validateSlice({ addressType, endpoints, ports }: EndpointSlice): FieldError[] {
  const errors: FieldError[] = [];
  if (!addressType) errors.push(required('addressType'));
  else if (!ADDRESS_TYPES.includes(addressType))
    errors.push(notSupported('addressType', addressType, ADDRESS_TYPES));
  const count = endpoints?.length ?? 0;
  if (count > MAX_ENDPOINTS) return [...errors, tooMany('endpoints', count, MAX_ENDPOINTS)];
  endpoints?.forEach((endpoint, index) => {
    errors.push(...validateEndpoint(endpoint, addressType ?? '', `endpoints[${index}]`));
  });
  return [...errors, ...validatePorts(ports ?? [])];
}

function validateEndpoint(endpoint: Endpoint, type: string, path: string): FieldError[] {
  const addresses = endpoint.addresses ?? [];
  const { hostname, nodeName, hints } = endpoint;
  const errors: FieldError[] = [];
  if (addresses.length === 0) errors.push(required(`${path}.addresses`, 'must contain at least 1 address'));
  else if (addresses.length > MAX_ADDRESSES) {
    errors.push(tooMany(`${path}.addresses`, addresses.length, MAX_ADDRESSES));
  } else {
    addresses.forEach((address, index) => errors.push(...validateAddress(address, type, path, index)));
  }
  if (typeof nodeName === 'string') {
    errors.push(...dns1123Subdomain(nodeName).map((text) => invalid(`${path}.nodeName`, nodeName, text)));
  }
  if (typeof hostname === 'string') {
    errors.push(...dns1123Label(hostname).map((text) => invalid(`${path}.hostname`, hostname, text)));
  }
  errors.push(...validateHints(hints?.forZones ?? [], `${path}.hints.forZones`));
  return [...errors, ...validateHints(hints?.forNodes ?? [], `${path}.hints.forNodes`)];
}

function validateAddress(address: string, type: string, path: string, index: number): FieldError[] {
  const at = `${path}.addresses[${index}]`;
  if (type === 'FQDN') {
    const name = address.replace(/\.$/, '');
    const errors = dns1123Subdomain(name).map((text) => invalid(at, address, text));
    if (!name.includes('.'))
      errors.push(invalid(at, address, 'should be a domain with at least two segments separated by dots'));
    return errors;
  }
  const canonical = parseIp(address);
  if (canonical === undefined)
    return [invalid(at, address, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
  if (canonical !== address || address.startsWith('::ffff:')) {
    return [invalid(at, address, `must be in canonical form (${JSON.stringify(canonical)})`)];
  }
  if ((type === 'IPv4' || type === 'IPv6') && `IPv${ipFamily(address)}` !== type) {
    return [invalid(`${path}.addresses`, address, `must be a valid ${type} address`)];
  }
  return validateNonSpecialIp(address, at);
}

function validateHints(hints: readonly { name: string }[], path: string): FieldError[] {
  if (hints.length > MAX_HINTS) return [tooMany(path, hints.length, MAX_HINTS)];
  return hints.flatMap(({ name }, index) => {
    const at = `${path}[${index}].name`;
    const errors = labelValue(name).map((text) => invalid(at, name, text));
    if (hints.findIndex((other) => other.name === name) < index) errors.push(duplicate(at, name));
    return errors;
  });
}

function validatePorts(ports: readonly EndpointPort[]): FieldError[] {
  if (ports.length > MAX_PORTS) return [tooMany('ports', ports.length, MAX_PORTS)];
  const names = new Set<string>();
  return ports.flatMap(({ name, protocol, appProtocol }, index) => {
    const path = `ports[${index}]`;
    const text = name ?? '';
    const errors =
      text === '' ? [] : dns1123Label(text).map((problem) => invalid(`${path}.name`, text, problem));
    if (names.has(text)) errors.push(duplicate(`${path}.name`, text));
    names.add(text);
    if (!protocol) errors.push(required(`${path}.protocol`));
    else if (!PROTOCOLS.includes(protocol))
      errors.push(notSupported(`${path}.protocol`, protocol, PROTOCOLS));
    if (typeof appProtocol === 'string') {
      errors.push(
        ...qualifiedName(appProtocol).map((problem) => invalid(`${path}.appProtocol`, appProtocol, problem)),
      );
    }
    return errors;
  });
}
