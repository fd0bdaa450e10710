// The server that test/fuzz/dns.ts sends its packets to, in a process of its own, with an API server and an upstream
// whose answers are mutated too. Over IPC: tells its ports; on any message, how much memory it uses and how many
// queries failed.
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '#api/machinery/object.ts';
import { readConfiguration } from '#dns/configuration.ts';
import { startDnsServer } from '#dns/server.ts';
import { ApiClient } from '#kube/client.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import { startFakeApi } from '#test/support/fake-api.ts';
import { responses } from './dns-messages.ts';
import type { FuzzedServer } from './dns-streams.ts';
import { mutate, Random } from './mutate.ts';

export interface FuzzedState {
  /** After a collection of garbage. */
  readonly heapBytes: number;
  /** Lines of the log: the server logs nothing unless something went wrong. */
  readonly log: readonly string[];
}

const certificate = await makeCertificate();
const folder = mkdtempSync(join(tmpdir(), 'portolan-fuzz-'));
writeFileSync(join(folder, 'cert.pem'), certificate.cert);
writeFileSync(join(folder, 'key.pem'), certificate.key, { mode: 0o600 });
const random = new Random(Number(process.argv[2] ?? 1));
const api = await startFakeApi(objects());
const upstream = await startUpstream();
const corefile = `
.:0 tls://.:0 https://.:0 {
    bind 127.0.0.1
    tls ${join(folder, 'cert.pem')} ${join(folder, 'key.pem')}
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    forward . 127.0.0.1:${upstream} {
        max_concurrent 1000
        health_check 1h
    }
    cache 30
    loadbalance
}
`;
const log: string[] = [];
const server = await startDnsServer({
  load: () => Promise.resolve(readConfiguration(corefile, 'Corefile')),
  text: () => Promise.resolve(corefile),
  apiClient: () => Promise.resolve(new ApiClient({ server: api.url })),
  log: (message) => log.push(message),
});
process.on('message', () => {
  globalThis.gc?.();
  const state: FuzzedState = { heapBytes: process.memoryUsage().heapUsed, log: log.splice(0) };
  process.send?.(state);
});
process.on('disconnect', () => process.exit());
rmSync(folder, { recursive: true });
const [plain = 0, tls = 0, https = 0] = server.addresses.map(({ port }) => port);
const ports: FuzzedServer = { plain, tls, https, certificate: certificate.cert };
process.send?.(ports);

function objects(): KubeObject[] {
  const service = (name: string, spec: object): KubeObject =>
    ({ kind: 'Service', metadata: { namespace: 'default', name }, spec }) as KubeObject;
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' }];
  const slice = {
    kind: 'EndpointSlice',
    metadata: { namespace: 'default', name: 'many-1', labels: { 'kubernetes.io/service-name': 'many' } },
    addressType: 'IPv4',
    ports,
    endpoints: Array.from({ length: 300 }, (_, i) => ({ addresses: [`10.1.${i >> 8}.${i & 255}`] })),
  } as KubeObject;
  return [
    { kind: 'Namespace', metadata: { name: 'default' } },
    service('web', { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7', 'fd00::7'], ports }),
    service('many', { clusterIP: 'None', clusterIPs: ['None'], ports }),
    service('outside', { type: 'ExternalName', externalName: 'www.example.org' }),
    slice,
  ];
}

/** Answers every query with something that may be wrong in any way. */
async function startUpstream(): Promise<number> {
  const answers = responses();
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    const response = mutate(random.pick(answers), random, answers);
    if (response.length >= 2) query.copy(response, 0, 0, 2);
    socket.send(response, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket.address().port;
}
