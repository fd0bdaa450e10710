import type { TestContext } from 'node:test';
import type { KubeObject } from '#api/machinery/object.ts';
import { corefileSource } from '#dns/corefile-source.ts';
import { type DnsServer, startDnsServer } from '#dns/server.ts';
import { ApiClient } from '#kube/client.ts';
import { startFakeApi } from '#test/support/fake-api.ts';

/** A DNS server on a free port of 127.0.0.1 in front of an API server with these objects; both end with the test. */
export async function startTestDns(
  t: TestContext,
  { objects, plugins, hold }: { objects: readonly KubeObject[]; plugins: string; hold?: Promise<void> },
): Promise<{
  api: Awaited<ReturnType<typeof startFakeApi>>;
  server: DnsServer;
  port: number;
  log: string[];
}> {
  const api = await startFakeApi([...objects], hold === undefined ? {} : { hold });
  t.after(() => api[Symbol.asyncDispose]());
  const client = new ApiClient({ server: api.url });
  t.after(() => client[Symbol.dispose]());
  const log: string[] = [];
  const { server, port } = await startTestCorefile(t, `.:0 {\nbind 127.0.0.1\n${plugins}\n}`, {
    apiClient: () => Promise.resolve(client),
    log: (message) => log.push(message),
  });
  return { api, server, port, log };
}

/** A DNS server with this Corefile; `port` is that of its first server. */
export async function startTestCorefile(
  t: TestContext,
  text: string,
  {
    apiClient = noCluster,
    log = () => undefined,
  }: Partial<{ apiClient: () => Promise<ApiClient>; log: (message: string) => void }> = {},
): Promise<{ server: DnsServer; port: number }> {
  const server = await startDnsServer({ ...corefileSource({ text, name: 'Corefile' }), apiClient, log });
  t.after(() => server[Symbol.asyncDispose]());
  return { server, port: server.addresses[0]?.port ?? 0 };
}

function noCluster(): Promise<never> {
  return Promise.reject(new Error('this test has no API server'));
}
