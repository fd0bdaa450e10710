import type { Endpoints, Service } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { kindOfObject } from '#api/machinery/kinds.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { formatTime } from '#api/machinery/time.ts';
import type { ServiceCIDR } from '#api/networking/v1.gen.ts';
import { DEFAULT_SERVICE_RANGES } from '#apiserver/allocators/service-companions.ts';
import type { ApiServerConfig } from '#apiserver/config.ts';
import { currentEntry, type Engine } from '#apiserver/engine/engine.ts';
import { servedKind } from '#apiserver/engine/resources.ts';
import { updateObject } from '#apiserver/engine/update.ts';
import { Cidr, ipFamily } from '#lib/ip.ts';
import { createMissing, LOOPBACK_USER } from './bootstrap.ts';

const NAMESPACE = 'default';
const NAME = 'kubernetes';

/** Creates the ServiceCIDR and Service `kubernetes`, and keeps its endpoints at the advertised addresses. */
export async function bootstrapServices(engine: Engine, config: ApiServerConfig): Promise<void> {
  const ranges = config.serviceRanges ?? DEFAULT_SERVICE_RANGES;
  await createMissing(engine, [serviceCidr(ranges), service(ranges)]);
  await markReady(engine);
  if (config.advertise === undefined) return;
  const { addresses, port } = config.advertise;
  await put(engine, endpoints(addresses, port));
  const families = [4, 6].filter((family) => addresses.some((address) => ipFamily(address) === family));
  for (const family of families)
    await put(
      engine,
      slice(
        addresses.filter((address) => ipFamily(address) === family),
        family,
        port,
        families.length > 1,
      ),
    );
}

function serviceCidr(cidrs: readonly string[]): ServiceCIDR {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: NAME },
    spec: { cidrs: [...cidrs] },
  };
}

/** Its address is the first of the first range, on every cluster. */
function service(ranges: readonly string[]): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: NAME,
      namespace: NAMESPACE,
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      clusterIP: Cidr.of(ranges[0] ?? '').nthAddress(1),
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
      sessionAffinity: 'None',
      type: 'ClusterIP',
    },
  };
}

async function markReady(engine: Engine): Promise<void> {
  const condition = {
    type: 'Ready',
    status: 'True',
    reason: '',
    message: 'Kubernetes default Service CIDR is ready',
    lastTransitionTime: formatTime(engine.now()),
  };
  const object = serviceCidr([]);
  await change(engine, object, 'status', (current: ServiceCIDR) => {
    const ready = current.status?.conditions?.some(
      ({ type, status }) => type === 'Ready' && status === 'True',
    );
    return ready ? current : { ...current, status: { ...current.status, conditions: [condition] } };
  });
}

function endpoints(addresses: readonly string[], port: number): Endpoints {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      name: NAME,
      namespace: NAMESPACE,
      labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' },
    },
    subsets: [
      {
        addresses: addresses.slice(0, 1).map((ip) => ({ ip })),
        ports: [{ name: 'https', port, protocol: 'TCP' }],
      },
    ],
  };
}

function slice(addresses: readonly string[], family: number, port: number, several: boolean): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: several && family === 6 ? `${NAME}-ipv6` : NAME,
      namespace: NAMESPACE,
      labels: { 'kubernetes.io/service-name': NAME },
    },
    addressType: family === 4 ? 'IPv4' : 'IPv6',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
}

/** Creates the object, or brings everything in it but its metadata up to date. */
async function put(engine: Engine, object: KubeObject): Promise<void> {
  await createMissing(engine, [object]);
  const { metadata: _, ...rest } = object;
  await change(engine, object, '', (current) => {
    const wanted = { ...current, ...structuredClone(rest) };
    return equalJson(wanted, current) ? current : wanted;
  });
}

async function change<T extends KubeObject>(
  engine: Engine,
  object: KubeObject,
  subresource: string,
  make: (current: T) => T,
): Promise<void> {
  const kind = kindOfObject(object);
  if (kind === undefined) throw new Error(`bootstrap: no kind ${object.apiVersion}/${object.kind}`);
  const id = {
    served: servedKind(kind),
    namespace: object.metadata?.namespace ?? '',
    name: object.metadata?.name ?? '',
  };
  if (currentEntry(engine, id) === undefined) return;
  const scope = { user: LOOPBACK_USER, dryRun: false, warnings: [] };
  await updateObject(engine, { id, subresource, change: (current) => make(current as T) }, scope);
}
