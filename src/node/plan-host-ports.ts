/** hostPort: which ports of the node lead to which port of a pod. Pure. */
import type { ContainerPort, Pod } from '#api/core/v1.gen.ts';
import { type Flow, IPPROTO_UDP } from '#wire/conntrack.ts';

export interface HostPort {
  readonly family: 4 | 6;
  /** As nf_tables names it. */
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** The one address of the node; undefined: all of them. */
  readonly hostIp: string | undefined;
  readonly hostPort: number;
  readonly podIp: string;
  readonly podPort: number;
}

const ANY = { 4: '0.0.0.0', 6: '::' } as const;

/** Of containers and sidecars. A pod in the node's network has its ports there already. */
export function planHostPorts({ spec }: Pod, podIps: readonly string[]): HostPort[] {
  if (spec === undefined || spec.hostNetwork === true) return [];
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...sidecars, ...spec.containers]
    .flatMap(({ ports }) => ports ?? [])
    .flatMap((port) => podIps.flatMap((podIp) => hostPort(port, podIp) ?? []));
}

/** Undefined where there is none, or none for this family. */
function hostPort(
  { hostIP, hostPort, containerPort, protocol }: ContainerPort,
  podIp: string,
): HostPort | undefined {
  const family = podIp.includes(':') ? 6 : 4;
  if (!hostPort || (hostIP && hostIP.includes(':') !== (family === 6))) return undefined;
  return {
    family,
    protocol: (protocol ?? 'TCP').toLowerCase() as HostPort['protocol'],
    hostIp: hostIP && hostIP !== ANY[family] ? hostIP : undefined,
    hostPort,
    podIp,
    podPort: containerPort,
  };
}

/** For people: `[fd00::1]:80/TCP`, `port 80/TCP`. */
export function describeHostPort({ hostIp, hostPort, protocol, family }: HostPort): string {
  const address = family === 6 ? `[${hostIp}]` : hostIp;
  const place = hostIp === undefined ? `port ${hostPort}` : `${address}:${hostPort}`;
  return `${place}/${protocol.toUpperCase()}`;
}

/**
 * Whether a UDP flow goes on past these ports: a client that keeps its port never gets a new translation by itself.
 * `opened`: what does not yet reach the pod; else what still does.
 */
export function isStaleHostPortFlow(
  { protocol, original, reply }: Flow,
  ports: readonly HostPort[],
  nodeIps: readonly string[],
  opened: boolean,
): boolean {
  if (protocol !== IPPROTO_UDP) return false;
  const { destination, destinationPort } = original;
  return ports.some(
    ({ protocol: name, hostIp, hostPort, podIp }) =>
      name === 'udp' &&
      hostPort === destinationPort &&
      (hostIp === undefined ? nodeIps.includes(destination) : hostIp === destination) &&
      (reply.source === podIp) !== opened,
  );
}
