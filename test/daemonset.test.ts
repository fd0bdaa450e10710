// DaemonSets against the real API server, by the user that controllers are in a cluster, with a played kubelet.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { DaemonSet } from '#api/apps/v1.gen.ts';
import type { Pod } from '#api/core/v1.gen.ts';
import { startControllers } from '#controllers/controllers.ts';
import { ApiClient } from '#kube/client.ts';
import { DAEMON_SETS, NODES, PODS } from '#kube/resources.ts';
import { startTestApiServer, type TestApiServer } from './support/api-server.ts';
import { startFakeKubelet } from './support/fake-kubelet.ts';
import { until } from './support/until.ts';

const AGENT = { namespace: 'default', name: 'agent' };
const stop = new AbortController();
let api: TestApiServer;
let client: ApiClient;
let controllersClient: ApiClient;
const failures: string[] = [];

before(async () => {
  api = await startTestApiServer();
  client = api.client;
  const { caCertificate: ca, controllerManager } = api.pki;
  const { certificate: cert, key } = controllerManager;
  controllersClient = new ApiClient({ server: api.url, ca, cert, key });
  const onError = ({ message }: Error): void => {
    if (message.includes('forbidden')) failures.push(message);
  };
  await startControllers(controllersClient, { rootCa: ca, onError }, stop.signal);
  await startFakeKubelet({ client, nodes: ['one', 'two', 'three'], signal: stop.signal });
});

after(async () => {
  stop.abort();
  controllersClient[Symbol.dispose]();
  await api[Symbol.asyncDispose]();
  assert.deepEqual(failures, []);
});

async function pods(): Promise<Pod[]> {
  const { items } = await client.list(PODS, { namespace: 'default', labelSelector: 'app=agent' });
  return items;
}

test('a daemon set has a pod on every node, also one that is cordoned, and replaces them one by one', async () => {
  const labels = { app: 'agent' };
  const set = (image: string): DaemonSet => ({
    metadata: { ...AGENT },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image }] } },
    },
  });
  await client.patch(NODES, { name: 'two' }, { spec: { unschedulable: true } });
  await client.create(DAEMON_SETS, set('a'));
  const rolled = (image: string) =>
    until(
      `pods of ${image}`,
      async () => ({ made: await pods(), set: await client.get(DAEMON_SETS, AGENT) }),
      ({ made, set: { status } }) =>
        made.length === 3 &&
        made.every(({ spec }) => spec?.containers[0]?.image === image) &&
        status?.numberAvailable === 3 &&
        status.updatedNumberScheduled === 3,
    );
  const { made } = await rolled('a');
  assert.deepEqual(new Set(made.map(({ spec }) => spec?.nodeName)), new Set(['one', 'two', 'three']));
  await client.patch(DAEMON_SETS, AGENT, { spec: { template: set('b').spec.template } });
  await rolled('b');
  await client.patch(NODES, { name: 'two' }, { spec: { unschedulable: null } });
  await client.delete(DAEMON_SETS, AGENT);
  await until(
    'no pods',
    () => pods(),
    (left) => left.length === 0,
  );
});
