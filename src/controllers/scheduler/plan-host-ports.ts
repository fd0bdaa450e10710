/** Ports of a node that pods hold, so that two never want the same. Pure. */
import type { Pod } from '#api/core/v1.gen.ts';

const ANY = new Set(['', '0.0.0.0', '::']);

/** Of one node: protocol and port to the addresses that are held, one entry per holder. */
export type HeldPorts = Map<string, string[]>;

interface WantedPort {
  /** Protocol and number. */
  port: string;
  /** Empty: every address. */
  address: string;
}

/** Of containers and sidecars, which run at the same time. */
export function hostPortsOf({ spec }: Pod): WantedPort[] {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...(spec?.containers ?? []), ...sidecars]
    .flatMap(({ ports }) => ports ?? [])
    .filter(({ hostPort }) => hostPort)
    .map(({ hostPort, hostIP = '', protocol = 'TCP' }) => ({
      port: `${protocol} ${hostPort}`,
      address: ANY.has(hostIP) ? '' : hostIP,
    }));
}

/** A port of every address excludes, and is excluded by, the same port of any address. */
export function areFree(wanted: readonly WantedPort[], held: HeldPorts): boolean {
  return wanted.every(({ port, address }) =>
    (held.get(port) ?? []).every((other) => address !== '' && other !== '' && address !== other),
  );
}

export function hold(held: HeldPorts, ports: readonly WantedPort[]): void {
  for (const { port, address } of ports) held.set(port, [...(held.get(port) ?? []), address]);
}

/** Gives back what `hold()` took. */
export function release(held: HeldPorts, ports: readonly WantedPort[]): void {
  for (const { port, address } of ports) {
    const others = [...(held.get(port) ?? [])];
    others.splice(others.indexOf(address), 1);
    if (others.length === 0) held.delete(port);
    else held.set(port, others);
  }
}
