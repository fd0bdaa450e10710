import type { Service, ServicePort, ServiceSpec } from '#api/core/v1.gen.ts';
import { duplicate, invalid as invalidField } from '#api/machinery/field-error.ts';
import { metaOf } from '#api/machinery/object.ts';
import { internalError, invalid } from '#api/machinery/status-error.ts';
import { AllocationError, type PortOperation } from './node-ports.ts';

const KIND = { group: '', kind: 'Service' };

/** Gives the ports of a new Service their node ports. Ports of the same number and different protocols share one. */
export function allocatePorts(service: Service, operation: PortOperation): void {
  const ports = service.spec?.ports ?? [];
  const shared = new Map<number, number>();
  for (const [i, port] of ports.entries()) {
    if (!port.nodePort && !givesPortsUnasked(service.spec)) continue;
    const known = shared.get(port.port);
    if (known !== undefined && (!port.nodePort || port.nodePort === known)) {
      port.nodePort = known;
      continue;
    }
    const requested = port.nodePort || (known === undefined ? requestedFor(port.port, ports) : 0);
    const given = requested ? take(service, i, requested, operation) : takeNext(operation);
    port.nodePort ||= given;
    if (known === undefined) shared.set(port.port, given);
  }
}

/** Gives an updated Service what it lacks; numbers that it had stay its own. */
export function updatePorts(service: Service, old: ServiceSpec, operation: PortOperation): void {
  const own = new Set(old.ports?.map((port) => port.nodePort ?? 0));
  const seen = new Set<string>();
  for (const [i, port] of (service.spec?.ports ?? []).entries()) {
    if (!port.nodePort && !givesPortsUnasked(service.spec)) continue;
    if (!port.nodePort) port.nodePort = takeNext(operation);
    else if (!own.has(port.nodePort)) {
      take(service, i, port.nodePort, operation);
      own.add(port.nodePort);
    }
    const key = `${port.protocol} ${port.nodePort}`;
    if (seen.has(key))
      throw invalid(KIND, metaOf(service).name ?? '', [
        duplicate(`spec.ports[${i}].nodePort`, port.nodePort),
      ]);
    seen.add(key);
  }
}

function givesPortsUnasked(spec: ServiceSpec | undefined): boolean {
  if (spec?.type === 'NodePort') return true;
  return spec?.type === 'LoadBalancer' && (spec.allocateLoadBalancerNodePorts ?? true);
}

/** What the client asked for at any port of this number. */
function requestedFor(number: number, ports: readonly ServicePort[]): number {
  return ports.find((port) => port.port === number && port.nodePort)?.nodePort ?? 0;
}

function take(service: Service, index: number, port: number, operation: PortOperation): number {
  try {
    operation.take(port);
    return port;
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    throw invalid(KIND, metaOf(service).name ?? '', [
      invalidField(`spec.ports[${index}].nodePort`, port, error.message),
    ]);
  }
}

function takeNext(operation: PortOperation): number {
  try {
    return operation.takeNext();
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    throw internalError(`failed to allocate a nodePort: ${error.message}`);
  }
}
