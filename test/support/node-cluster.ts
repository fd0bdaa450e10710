// An API server and one node in this very process: for tests of the node without a whole cluster.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod, PodSpec } from '#api/core/v1.gen.ts';
import { startApiServer } from '#apiserver/apiserver.ts';
import { openClusterPki } from '#cluster/pki.ts';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { ApiClient } from '#kube/client.ts';
import { pause } from '#kube/errors.ts';
import { NAMESPACES, PODS, SERVICE_ACCOUNTS } from '#kube/resources.ts';
import { type NodeAgent, type NodeConfig, startNode } from '#node/node.ts';

export interface NodeCluster extends AsyncDisposable {
  client: ApiClient;
  node: NodeAgent;
  directory: string;
  /** What went wrong behind the scenes. */
  errors: Error[];
  /** Creates a pod bound to the node, in the namespace default. */
  createPod(name: string, spec: PodSpec, metadata?: Pod['metadata']): Promise<Pod>;
  /** Resolves with the pod once the check holds; fails with what it looked like after 20 s. */
  podBecomes(name: string, check: (pod: Pod) => boolean): Promise<Pod>;
  /** Resolves when the pod's object is gone. */
  podGone(name: string): Promise<void>;
  log(pod: string, container: string): Promise<string>;
  restartNode(): Promise<void>;
}

const NODE_IP = '172.30.0.10';
const PATIENCE_MS = 20_000;

/** Call it inside namespaces of the test's own (`enterTestNamespace()`). */
export async function startNodeCluster(overrides: Partial<NodeConfig> = {}): Promise<NodeCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'portolan-node-'));
  const pki = await openClusterPki({
    directory: join(directory, 'pki'),
    apiServerAddresses: ['127.0.0.1'],
    nodes: [{ name: 'node-1', addresses: [NODE_IP] }],
  });
  using rtnetlink = Rtnetlink.open();
  rtnetlink.createLink({ kind: 'bridge', name: 'uplink', up: true });
  rtnetlink.addAddress({ link: 'uplink', address: `${NODE_IP}/32` });
  const server = await startApiServer({
    storage: 'memory',
    listeners: [{ host: '127.0.0.1', port: 0 }],
    tls: { cert: pki.apiServer.certificate, key: pki.apiServer.key },
    clientCa: pki.caCertificate,
    serviceAccount: { key: pki.serviceAccountKey },
    disableAdmission: ['ServiceAccount'],
  });
  const { certificate: cert, key } = pki.admin;
  const client = new ApiClient({
    server: `https://127.0.0.1:${server.addresses[0]?.port}`,
    ca: pki.caCertificate,
    cert,
    key,
  });
  await client.create(NAMESPACES, { metadata: { name: 'default' } }).catch(() => undefined);
  await client
    .create(SERVICE_ACCOUNTS, { metadata: { namespace: 'default', name: 'default' } })
    .catch(() => undefined);
  const errors: Error[] = [];
  const config: NodeConfig = {
    nodeName: 'node-1',
    client,
    addresses: [NODE_IP],
    podCidrs: ['10.244.0.0/22'],
    clusterDns: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    dataDir: join(directory, 'node-1'),
    imageDirectory: join(directory, 'images'),
    program: { directory: join(import.meta.dirname, '../..'), entry: 'src/cli/main.ts' },
    onError: (error) => errors.push(error),
    ...overrides,
  };
  let node = await startNode(config);
  const read = (name: string): Promise<Pod> => client.get(PODS, { namespace: 'default', name });
  const cluster: NodeCluster = {
    client,
    get node() {
      return node;
    },
    directory,
    errors,
    createPod: (name, spec, metadata = {}) =>
      client.create(PODS, {
        metadata: { namespace: 'default', name, ...metadata },
        spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 1, ...spec },
      }),
    async podBecomes(name, check) {
      const untilMs = Date.now() + PATIENCE_MS;
      for (;;) {
        const pod = await read(name);
        if (check(pod)) return pod;
        if (Date.now() > untilMs)
          throw new Error(
            `pod ${name} stays ${JSON.stringify(pod.status, undefined, 1)}\n${errors.map(String).join('\n')}`,
          );
        await pause(20);
      }
    },
    async podGone(name) {
      for (const untilMs = Date.now() + PATIENCE_MS; Date.now() < untilMs; await pause(20)) {
        const known = await read(name).catch(() => undefined);
        if (known === undefined) return;
      }
      throw new Error(`pod ${name} does not go: ${JSON.stringify(await read(name), undefined, 1)}`);
    },
    async log(pod, container) {
      const options = { follow: false, previous: false, timestamps: false };
      let text = '';
      for await (const chunk of node.access.logs(
        { namespace: 'default', pod, container },
        options,
        new AbortController().signal,
      ))
        text += chunk.toString();
      return text;
    },
    async restartNode() {
      await node[Symbol.asyncDispose]();
      node = await startNode(config);
    },
    async [Symbol.asyncDispose]() {
      await node[Symbol.asyncDispose]();
      client[Symbol.dispose]();
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return cluster;
}
