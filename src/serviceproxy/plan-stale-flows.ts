import { type Flow, IPPROTO_UDP } from '#wire/conntrack.ts';
import type { NodeSettings, ServicePlan, VirtualServer } from './forwarding-model.ts';

/** UDP ways in whose endpoints changed, each with the endpoints that may serve it now. */
export type UdpFrontends = ReadonlyMap<string, ReadonlySet<string>>;

/** The UDP ways in of what a Service was and is. Those that are gone have no endpoints. */
export function changedUdpFrontends(
  old: ServicePlan | undefined,
  next: ServicePlan | undefined,
): UdpFrontends {
  const frontends = new Map<string, ReadonlySet<string>>();
  for (const server of old?.virtualServers ?? []) {
    if (server.match.protocol === 'udp') frontends.set(frontendKey(server), new Set());
  }
  for (const server of next?.virtualServers ?? []) {
    if (server.match.protocol === 'udp') frontends.set(frontendKey(server), endpointKeys(server));
  }
  return frontends;
}

/**
 * Whether a flow is one that the kernel would go on sending to an endpoint that is gone, or to nobody:
 * a UDP client that keeps its port never gets a new translation by itself.
 */
export function isStaleFlow(
  flow: Flow,
  frontends: UdpFrontends,
  { nodePortAddresses }: NodeSettings,
): boolean {
  if (flow.protocol !== IPPROTO_UDP) return false;
  const { destination, destinationPort } = flow.original;
  const family = destination.includes(':') ? 6 : 4;
  const endpoints =
    frontends.get(`${destination} ${destinationPort}`) ??
    (nodePortAddresses.includes(destination) ? frontends.get(`node${family} ${destinationPort}`) : undefined);
  if (endpoints === undefined) return false;
  return !endpoints.has(`${flow.reply.source} ${flow.reply.sourcePort}`);
}

function frontendKey({ match }: VirtualServer): string {
  return match.kind === 'address' ? `${match.address} ${match.port}` : `node${match.family} ${match.port}`;
}

function endpointKeys({ serving }: VirtualServer): Set<string> {
  return new Set(serving.map(({ address, port }) => `${address} ${port}`));
}
