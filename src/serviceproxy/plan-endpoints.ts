import type { Endpoint, EndpointSlice } from '#api/discovery/v1.gen.ts';
import { type Ip, type IpFamily, ipFamily, parseIp } from '#lib/ip.ts';
import type { EndpointAddress } from './forwarding-model.ts';

/** Where the node is, as far as routing close by is concerned. */
export interface NodeTopology {
  readonly nodeName: string;
  /** Of the label `topology.kubernetes.io/zone`. */
  readonly zone: string | undefined;
}

/** One endpoint for one port of a Service. */
export interface EndpointState extends EndpointAddress {
  readonly isLocal: boolean;
  readonly ready: boolean;
  /** Terminating, but still fit to serve. */
  readonly servingTerminating: boolean;
  readonly forZones: readonly string[];
  readonly forNodes: readonly string[];
}

/** The endpoints of one family for the port with this name; doubles over slices count once, the local one first. */
export function endpointsForPort(
  slices: readonly EndpointSlice[],
  { portName, protocol, family }: { portName: string; protocol: string; family: IpFamily },
  { nodeName }: NodeTopology,
): EndpointState[] {
  const states = new Map<string, EndpointState>();
  for (const slice of slices) {
    if (slice.addressType !== (family === 4 ? 'IPv4' : 'IPv6')) continue;
    for (const port of slice.ports ?? []) {
      if ((port.name ?? '') !== portName || (port.protocol ?? 'TCP') !== protocol || !port.port) continue;
      for (const endpoint of slice.endpoints ?? []) {
        const address = parseIp(endpoint.addresses[0] ?? '');
        if (address === undefined || ipFamily(address) !== family) continue;
        const state = stateOf(endpoint, address, port.port, nodeName);
        const known = states.get(`${address}/${port.port}`);
        if (known === undefined || (state.isLocal && !known.isLocal))
          states.set(`${address}/${port.port}`, state);
      }
    }
  }
  return [...states.values()].toSorted(compareEndpoints);
}

function stateOf(endpoint: Endpoint, address: Ip, port: number, nodeName: string): EndpointState {
  const { ready, serving, terminating } = endpoint.conditions ?? {};
  return {
    address,
    port,
    isLocal: endpoint.nodeName === nodeName,
    ready: ready ?? true,
    servingTerminating: (serving ?? true) && (terminating ?? false),
    forZones: (endpoint.hints?.forZones ?? []).map((zone) => zone.name),
    forNodes: (endpoint.hints?.forNodes ?? []).map((node) => node.name),
  };
}

/** An order of their own, so that the same endpoints always make the same plan. */
function compareEndpoints(a: EndpointState, b: EndpointState): number {
  if (a.address !== b.address) return a.address < b.address ? -1 : 1;
  return a.port - b.port;
}

/** For the policy Cluster: the ready ones near by, else those that serve while they terminate. */
export function clusterEndpoints(
  all: readonly EndpointState[],
  topology: NodeTopology,
): readonly EndpointState[] {
  const ready = all.filter((endpoint) => endpoint.ready);
  return ready.length > 0 ? nearby(ready, topology) : all.filter((endpoint) => endpoint.servingTerminating);
}

/** For the policy Local: as above, of this node alone and whatever the hints. */
export function localEndpoints(all: readonly EndpointState[]): readonly EndpointState[] {
  const local = all.filter((endpoint) => endpoint.isLocal);
  const ready = local.filter((endpoint) => endpoint.ready);
  return ready.length > 0 ? ready : local.filter((endpoint) => endpoint.servingTerminating);
}

/** Hints count only when every endpoint has them and some are for us: half-written hints must not lose endpoints. */
function nearby(ready: readonly EndpointState[], { nodeName, zone }: NodeTopology): readonly EndpointState[] {
  const forNode = ready.filter((endpoint) => endpoint.forNodes.includes(nodeName));
  if (forNode.length > 0 && ready.every((endpoint) => endpoint.forNodes.length > 0)) return forNode;
  if (zone === undefined || !ready.every((endpoint) => endpoint.forZones.length > 0)) return ready;
  const forZone = ready.filter((endpoint) => endpoint.forZones.includes(zone));
  return forZone.length > 0 ? forZone : ready;
}
