import type { EndpointAddress, EndpointPort, EndpointSubset, Endpoints } from '#api/core/v1.gen.ts';
import { type FieldError, invalid, notSupported, required } from '#api/machinery/field-error.ts';
import { ipWarnings, validateIp, validateNonSpecialIp } from '#api/machinery/ip-fields.ts';
import { dns1123Label, dns1123Subdomain, portNumber, qualifiedName } from '#api/machinery/names.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { PROTOCOLS } from './service-validate-ports.ts';

export const endpointsStrategy: StrategyParts<Endpoints> = {
  allowCreateOnUpdate: true,
  defaults: ({ subsets }) => {
    for (const subset of subsets ?? []) for (const port of subset.ports ?? []) port.protocol ??= 'TCP';
  },
  validate: ({ subsets }) =>
    (subsets ?? []).flatMap((subset, index) => validateSubset(subset, `subsets[${index}]`)),
  warnings: ({ subsets }) =>
    (subsets ?? []).flatMap((subset, index) => [
      ...(subset.addresses ?? []).flatMap(({ ip }, item) =>
        ipWarnings(ip, `subsets[${index}].addresses[${item}].ip`),
      ),
      ...(subset.notReadyAddresses ?? []).flatMap(({ ip }, item) =>
        ipWarnings(ip, `subsets[${index}].notReadyAddresses[${item}].ip`),
      ),
    ]),
};

function validateSubset({ addresses, notReadyAddresses, ports }: EndpointSubset, path: string): FieldError[] {
  const ready = addresses ?? [];
  const notReady = notReadyAddresses ?? [];
  if (ready.length + notReady.length === 0)
    return [required(path, 'must specify `addresses` or `notReadyAddresses`')];
  return [
    ...ready.flatMap((address, index) => validateAddress(address, `${path}.addresses[${index}]`)),
    ...notReady.flatMap((address, index) => validateAddress(address, `${path}.notReadyAddresses[${index}]`)),
    ...(ports ?? []).flatMap((port, index) =>
      validatePort(port, (ports ?? []).length > 1, `${path}.ports[${index}]`),
    ),
  ];
}

function validateAddress({ ip, hostname = '', nodeName }: EndpointAddress, path: string): FieldError[] {
  const errors = validateIp(ip, `${path}.ip`);
  if (hostname !== '')
    errors.push(...dns1123Label(hostname).map((text) => invalid(`${path}.hostname`, hostname, text)));
  if (nodeName)
    errors.push(...dns1123Subdomain(nodeName).map((text) => invalid(`${path}.nodeName`, nodeName, text)));
  if (errors.length === 0) errors.push(...validateNonSpecialIp(ip, `${path}.ip`));
  return errors;
}

function validatePort(port: EndpointPort, needsName: boolean, path: string): FieldError[] {
  const { name = '', protocol = '', appProtocol } = port;
  const errors: FieldError[] = [];
  if (name === '' && needsName) errors.push(required(`${path}.name`));
  else if (name !== '') errors.push(...dns1123Label(name).map((text) => invalid(`${path}.name`, name, text)));
  errors.push(...portNumber(port.port).map((text) => invalid(`${path}.port`, port.port, text)));
  if (protocol === '') errors.push(required(`${path}.protocol`));
  else if (!PROTOCOLS.includes(protocol)) errors.push(notSupported(`${path}.protocol`, protocol, PROTOCOLS));
  if (typeof appProtocol === 'string') {
    errors.push(
      ...qualifiedName(appProtocol).map((text) => invalid(`${path}.appProtocol`, appProtocol, text)),
    );
  }
  return errors;
}
