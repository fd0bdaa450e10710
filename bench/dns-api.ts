// An API server for bench/dns.ts, in a process of its own: Services with their EndpointSlices, lists and watches.
//
//     node bench/dns-api.ts SERVICES ENDPOINTS_PER_SERVICE
//
// Over IPC it tells its URL, and takes {service, address}: from then on that Service has that address.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const [services = 1000, endpoints = 0] = process.argv.slice(2).map(Number);
const VERSION = '1000';
const INITIAL_END = { 'k8s.io/initial-events-end': 'true' };

interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly items: readonly string[];
  readonly watchers: Set<ServerResponse>;
}

const service = (i: number, address: string, version = VERSION): object => ({
  kind: 'Service',
  apiVersion: 'v1',
  metadata: {
    namespace: 'default',
    name: `service-${i}`,
    uid: `service-${i}`,
    resourceVersion: version,
    labels: { app: `service-${i}` },
    managedFields: [{ manager: 'kubectl', operation: 'Update', fieldsV1: { 'f:spec': { 'f:ports': {} } } }],
  },
  spec: {
    type: 'ClusterIP',
    clusterIP: address,
    clusterIPs: [address],
    ipFamilies: ['IPv4'],
    ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
    selector: { app: `service-${i}` },
  },
});

const slice = (i: number): object => ({
  kind: 'EndpointSlice',
  apiVersion: 'discovery.k8s.io/v1',
  metadata: {
    namespace: 'default',
    name: `service-${i}-abcde`,
    uid: `slice-${i}`,
    resourceVersion: VERSION,
    labels: { 'kubernetes.io/service-name': `service-${i}` },
  },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  endpoints: Array.from({ length: endpoints }, (_, k) => ({
    addresses: [address(10 * 2 ** 24 + 128 * 2 ** 16 + i * endpoints + k)],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: 'node-1',
    targetRef: { kind: 'Pod', name: `service-${i}-${k}`, namespace: 'default', uid: `pod-${i}-${k}` },
  })),
});

function address(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >> shift) & 255).join('.');
}

const all = (make: (i: number) => object): string[] =>
  Array.from({ length: services }, (_, i) => JSON.stringify(make(i)));
const kinds: Record<string, Kind> = {
  '/api/v1/namespaces': {
    apiVersion: 'v1',
    kind: 'Namespace',
    items: [
      JSON.stringify({
        kind: 'Namespace',
        apiVersion: 'v1',
        metadata: { name: 'default', uid: 'n', resourceVersion: VERSION },
      }),
    ],
    watchers: new Set(),
  },
  '/api/v1/services': {
    apiVersion: 'v1',
    kind: 'Service',
    items: all((i) => service(i, address(10 * 2 ** 24 + 96 * 2 ** 16 + i))),
    watchers: new Set(),
  },
  '/apis/discovery.k8s.io/v1/endpointslices': {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    items: endpoints === 0 ? [] : all(slice),
    watchers: new Set(),
  },
};

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://api');
  const kind = kinds[url.pathname];
  response.setHeader('content-type', 'application/json');
  if (url.pathname === '/version') response.end('{"major":"1","minor":"37","gitVersion":"v1.37.1"}');
  else if (kind === undefined)
    response.writeHead(404).end('{"kind":"Status","apiVersion":"v1","status":"Failure","code":404}');
  else if (url.searchParams.get('watch') === null) {
    const head = JSON.stringify({
      kind: `${kind.kind}List`,
      apiVersion: kind.apiVersion,
      metadata: { resourceVersion: VERSION },
    });
    response.end(`${head.slice(0, -1)},"items":[${kind.items.join(',')}]}`);
  } else watch(kind, url.searchParams.get('sendInitialEvents') === 'true', response);
});

function watch(
  { apiVersion, kind, items, watchers }: Kind,
  initial: boolean,
  response: ServerResponse,
): void {
  response.flushHeaders();
  if (initial) {
    response.write(items.map((item) => `{"type":"ADDED","object":${item}}\n`).join(''));
    const metadata = { resourceVersion: VERSION, annotations: INITIAL_END };
    response.write(`${JSON.stringify({ type: 'BOOKMARK', object: { kind, apiVersion, metadata } })}\n`);
  }
  watchers.add(response);
  response.on('close', () => watchers.delete(response));
}

let version = Number(VERSION);
process.on('message', (change: { service: number; address: string }) => {
  const object = service(change.service, change.address, String(++version));
  const event = `${JSON.stringify({ type: 'MODIFIED', object })}\n`;
  for (const watcher of kinds['/api/v1/services']?.watchers ?? []) watcher.write(event);
});
server.listen(0, '127.0.0.1', () =>
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
process.on('disconnect', () => process.exit());
