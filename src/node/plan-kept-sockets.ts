import type { Container, Pod } from '#api/core/v1.gen.ts';
import { ContainerConfigError } from './plan-environment.ts';

/** Of pods: names of container ports, separated by commas. */
const KEEP_SOCKETS_ANNOTATION = 'portolan.dev/keep-sockets';

/** A socket that the node opens and keeps for as long as the pod lives. */
export interface KeptSocket {
  /** Of the port; both families have the same. */
  readonly name: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly address: '0.0.0.0' | '::';
  readonly port: number;
}

/**
 * The sockets that the pod's annotation wants kept for one container: whatever becomes of the container's process, what
 * clients send waits in them for the next one. A wildcard socket of each of the pod's families.
 * Throws ContainerConfigError.
 */
export function planKeptSockets(pod: Pod, container: Container, podIps: readonly string[]): KeptSocket[] {
  const annotation = pod.metadata?.annotations?.[KEEP_SOCKETS_ANNOTATION];
  if (annotation === undefined) return [];
  const { initContainers = [], containers = [], shareProcessNamespace, hostPID } = pod.spec ?? {};
  const wrong = (why: string): ContainerConfigError =>
    new ContainerConfigError(`annotation ${KEEP_SOCKETS_ANNOTATION}: ${why}`);
  const names = annotation.split(',').map((name) => name.trim());
  const known = [...initContainers, ...containers].flatMap(({ ports = [] }) => ports.map(({ name }) => name));
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw wrong(`no container of the pod has a port with the name ${JSON.stringify(unknown)}`);
  const own = (container.ports ?? []).filter(({ name = '' }) => names.includes(name));
  // Who may take them is told by process id (LISTEN_PID), which has to be known beforehand.
  if (own.length > 0 && (shareProcessNamespace === true || hostPID === true))
    throw wrong(`container ${container.name} needs a PID namespace of its own`);
  const families = new Set(podIps.map((ip) => (ip.includes(':') ? '::' : '0.0.0.0')));
  return own.flatMap(({ name = '', protocol = 'TCP', containerPort }) => {
    if (protocol !== 'TCP' && protocol !== 'UDP')
      throw wrong(`port ${name} is of protocol ${protocol}, only TCP and UDP can be kept`);
    return [...families].map((address): KeptSocket => ({ name, protocol, address, port: containerPort }));
  });
}

/** How the container's process 1 is told of its sockets, from descriptor 3 on: systemd's protocol, sd_listen_fds(3). */
export function keptSocketsEnvironment(sockets: readonly KeptSocket[]): [name: string, value: string][] {
  if (sockets.length === 0) return [];
  return [
    ['LISTEN_PID', '1'],
    ['LISTEN_FDS', String(sockets.length)],
    ['LISTEN_FDNAMES', sockets.map(({ name }) => name).join(':')],
  ];
}
