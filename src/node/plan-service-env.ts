import type { Service, ServicePort } from '#api/core/v1.gen.ts';

/**
 * Which Services a pod's environment names: those with a cluster IP in its own namespace (with enableServiceLinks),
 * and always default/kubernetes, which one of the same name in the own namespace overrides. By name.
 */
export function selectServices(
  services: readonly Service[],
  namespace: string,
  enableServiceLinks: boolean,
): Service[] {
  const byName = new Map<string, Service>();
  for (const service of services) {
    const name = service.metadata?.name ?? '';
    if (!hasClusterIp(service)) continue;
    const own = service.metadata?.namespace === namespace;
    if (own && enableServiceLinks) byName.set(name, service);
    const isMaster = service.metadata?.namespace === 'default' && name === 'kubernetes';
    if (isMaster && !byName.has(name)) byName.set(name, service);
  }
  return [...byName.values()].sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1));
}

const hasClusterIp = (service: Service): boolean => {
  const ip = service.spec?.clusterIP;
  return ip !== undefined && ip !== '' && ip !== 'None' && service.spec?.type !== 'ExternalName';
};

/** The variables of each Service in order: host, ports, then docker-style links. */
export function planServiceEnv(services: readonly Service[]): [name: string, value: string][] {
  return services.flatMap((service) => {
    const prefix = variableName(service.metadata?.name ?? '');
    const ip = service.spec?.clusterIP ?? '';
    const ports = service.spec?.ports ?? [];
    const variables: [string, string][] = [[`${prefix}_SERVICE_HOST`, ip]];
    const [first] = ports;
    if (first === undefined) return variables;
    variables.push([`${prefix}_SERVICE_PORT`, String(first.port)]);
    for (const port of ports) {
      if (port.name) variables.push([`${prefix}_SERVICE_PORT_${variableName(port.name)}`, String(port.port)]);
    }
    return [...variables, ...planLinks(prefix, ip, ports)];
  });
}

function planLinks(prefix: string, ip: string, ports: readonly ServicePort[]): [string, string][] {
  const host = ip.includes(':') ? `[${ip}]` : ip;
  return ports.flatMap((port, index) => {
    const protocol = (port.protocol ?? 'TCP').toUpperCase();
    const url = `${protocol.toLowerCase()}://${host}:${port.port}`;
    const link = `${prefix}_PORT_${port.port}_${protocol}`;
    const variables: [string, string][] = index === 0 ? [[`${prefix}_PORT`, url]] : [];
    variables.push(
      [link, url],
      [`${link}_PROTO`, protocol.toLowerCase()],
      [`${link}_PORT`, String(port.port)],
      [`${link}_ADDR`, ip],
    );
    return variables;
  });
}

/** A leading digit stays: `3com` is 3COM_SERVICE_HOST, which a shell cannot name but programs can. */
const variableName = (name: string): string => name.toUpperCase().replace(/[-.]/g, '_');
