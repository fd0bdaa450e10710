import type { Service, ServicePort } from '#api/core/v1.gen.ts';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
} from '#api/machinery/field-error.ts';
import { dns1123Label, portName, portNumber, qualifiedName } from '#api/machinery/names.ts';
import { isHeadless } from './service-facts.ts';

export const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];
const KUBELET_PORT = 10250;

/** Findings about a Service's ports. */
export function validatePorts(service: Service): FieldError[] {
  const { type = '', ports } = service.spec ?? {};
  const list = ports ?? [];
  const errors: FieldError[] = [];
  if (list.length === 0 && !isHeadless(service) && type !== 'ExternalName')
    errors.push(required('spec.ports'));
  const names = new Set<string>();
  list.forEach((port, index) => {
    const path = `spec.ports[${index}]`;
    if (port.port === KUBELET_PORT && (type === 'LoadBalancer' || type === 'NodePort')) {
      const text = `may not expose port ${KUBELET_PORT} externally since it is used by kubelet`;
      errors.push(invalid(path, port.port, text));
    }
    errors.push(
      ...validatePortName(port.name ?? '', path, names, list.length > 1),
      ...validatePort(port, path),
    );
    if (type === 'ClusterIP' && port.nodePort) {
      errors.push(forbidden(`${path}.nodePort`, "may not be used when `type` is 'ClusterIP'"));
    }
  });
  return [...errors, ...validateDistinct(list)];
}

function validatePortName(name: string, path: string, names: Set<string>, needed: boolean): FieldError[] {
  if (name === '') return needed ? [required(`${path}.name`)] : [];
  const errors = dns1123Label(name).map((text) => invalid(`${path}.name`, name, text));
  if (names.has(name)) errors.push(duplicate(`${path}.name`, name));
  names.add(name);
  return errors;
}

function validatePort(
  { port, protocol = '', targetPort, appProtocol }: ServicePort,
  path: string,
): FieldError[] {
  const errors = portNumber(port).map((text) => invalid(`${path}.port`, port, text));
  if (protocol === '') errors.push(required(`${path}.protocol`));
  else if (!PROTOCOLS.includes(protocol)) errors.push(notSupported(`${path}.protocol`, protocol, PROTOCOLS));
  errors.push(...validatePortOrName(targetPort ?? 0, `${path}.targetPort`));
  if (typeof appProtocol === 'string') {
    errors.push(
      ...qualifiedName(appProtocol).map((text) => invalid(`${path}.appProtocol`, appProtocol, text)),
    );
  }
  return errors;
}

/** Findings about a port given by number or by the name of a container's port. */
export function validatePortOrName(value: number | string, path: string): FieldError[] {
  const texts = typeof value === 'number' ? portNumber(value) : portName(value);
  return texts.map((text) => invalid(path, value, text));
}

function validateDistinct(ports: readonly ServicePort[]): FieldError[] {
  const nodePorts = new Set<string>();
  const numbers = new Set<string>();
  return ports.flatMap(({ protocol = '', port, nodePort }, index) => {
    const path = `spec.ports[${index}]`;
    const errors: FieldError[] = [];
    if (nodePort && nodePorts.has(`${protocol} ${nodePort}`))
      errors.push(duplicate(`${path}.nodePort`, nodePort));
    if (nodePort) nodePorts.add(`${protocol} ${nodePort}`);
    if (numbers.has(`${protocol} ${port}`)) errors.push(duplicate(path, { port, protocol }));
    numbers.add(`${protocol} ${port}`);
    return errors;
  });
}
