import type { EndpointPort, EndpointSlice } from '#api/discovery/v1.gen.ts';
import { type CellsOf, cells, firstFew, nameOf, objectAge } from '#api/machinery/cells.ts';

const MAX_SHOWN = 3;
const UNSET = '<unset>';

function portText({ port, name }: EndpointPort): string {
  if (typeof port === 'number') return String(port);
  return name || '*';
}

function endpointSlice(object: EndpointSlice, nowMs: number): unknown[] {
  const ports = (object.ports ?? []).map(portText);
  const addresses = (object.endpoints ?? []).flatMap((endpoint) => endpoint.addresses);
  return [
    nameOf(object),
    object.addressType,
    ports.length === 0 ? UNSET : firstFew(ports, MAX_SHOWN),
    addresses.length === 0 ? UNSET : firstFew(addresses, MAX_SHOWN),
    objectAge(object, nowMs),
  ];
}

export const discoveryCells: Readonly<Record<string, CellsOf>> = {
  'discovery.k8s.io/EndpointSlice': cells(endpointSlice),
};
