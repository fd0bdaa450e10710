// An API server in this process, with certificates of its own, and a kubeconfig of its administrator.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApiServer } from '#apiserver/apiserver.ts';
import type { ApiServerConfig } from '#apiserver/config.ts';
import { type ClusterPki, openClusterPki } from '#cluster/pki.ts';
import { ApiClient } from '#kube/client.ts';

export interface TestApiServer extends AsyncDisposable {
  readonly url: string;
  readonly pki: ClusterPki;
  /** Path of a file; the administrator is of system:masters. */
  readonly kubeconfig: string;
  readonly client: ApiClient;
}

/** In memory, on a free port of the loopback. One node, `node-1`, has certificates for 127.0.0.1. */
export async function startTestApiServer(config: Partial<ApiServerConfig> = {}): Promise<TestApiServer> {
  const directory = mkdtempSync(join(tmpdir(), 'portolan-api-'));
  const pki = await openClusterPki({
    directory: join(directory, 'pki'),
    apiServerAddresses: [],
    nodes: [{ name: 'node-1', addresses: ['127.0.0.1'] }],
  });
  const { caCertificate: ca, apiServer, apiServerKubeletClient, admin } = pki;
  const server = await startApiServer({
    storage: 'memory',
    listeners: [{ host: '127.0.0.1', port: 0 }],
    tls: { cert: apiServer.certificate, key: apiServer.key },
    clientCa: ca,
    serviceAccount: { key: pki.serviceAccountKey },
    nodeClient: { cert: apiServerKubeletClient.certificate, key: apiServerKubeletClient.key, ca },
    ...config,
  });
  const url = `https://127.0.0.1:${server.addresses[0]?.port}`;
  const kubeconfig = join(directory, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigText(url, pki), { mode: 0o600 });
  const client = new ApiClient({ server: url, ca, cert: admin.certificate, key: admin.key });
  return {
    url,
    pki,
    kubeconfig,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await server.close();
      rmSync(directory, { recursive: true });
    },
  };
}

function kubeconfigText(server: string, { caCertificate, admin }: ClusterPki): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': base64(caCertificate) } }],
    users: [
      {
        name: 'admin',
        user: {
          'client-certificate-data': base64(admin.certificate),
          'client-key-data': base64(admin.key),
        },
      },
    ],
  });
}
