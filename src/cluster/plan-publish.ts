import type { Service } from '#api/core/v1.gen.ts';

/** A node port that is to answer on the host. */
export interface WantedPort {
  /** `namespace/name`. */
  readonly service: string;
  readonly portName: string | undefined;
  readonly protocol: 'TCP' | 'UDP';
  readonly nodePort: number;
}

/** Every node port of the Services, by protocol and port. SCTP has no sockets in Node and stays inside the cluster. */
export function planPublished(services: readonly Service[]): WantedPort[] {
  const ports = services.flatMap(({ metadata, spec }) =>
    (spec?.ports ?? []).flatMap(({ name, protocol = 'TCP', nodePort = 0 }): WantedPort[] => {
      if (nodePort === 0 || (protocol !== 'TCP' && protocol !== 'UDP')) return [];
      const service = `${metadata?.namespace}/${metadata?.name}`;
      return [{ service, portName: name === '' ? undefined : name, protocol, nodePort }];
    }),
  );
  return ports.sort((a, b) => a.nodePort - b.nodePort || a.protocol.localeCompare(b.protocol));
}

export function publishKey({ protocol, nodePort }: Pick<WantedPort, 'protocol' | 'nodePort'>): string {
  return `${protocol} ${nodePort}`;
}

/** Where a port is published that the user may not open: below 1024 without privilege. */
export function unprivilegedPort(port: number): number {
  return port + 10_000;
}
