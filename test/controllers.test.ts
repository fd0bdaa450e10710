// The controllers against the real API server, as the user they are in a cluster, with a played kubelet.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Deployment, StatefulSet } from '#api/apps/v1.gen.ts';
import type { Pod } from '#api/core/v1.gen.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { startControllers } from '#controllers/controllers.ts';
import { ApiClient } from '#kube/client.ts';
import { isNotFound } from '#kube/errors.ts';
import {
  CLUSTER_ROLES,
  CONFIG_MAPS,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  ENDPOINTS,
  EVENTS,
  NAMESPACES,
  NODES,
  type ObjectKey,
  PODS,
  REPLICA_SETS,
  REPLICATION_CONTROLLERS,
  type Resource,
  SERVICE_ACCOUNTS,
  SERVICES,
  STATEFUL_SETS,
} from '#kube/resources.ts';
import { startTestApiServer, type TestApiServer } from './support/api-server.ts';
import { startFakeKubelet } from './support/fake-kubelet.ts';
import { until } from './support/until.ts';

const NS = 'default';
const stop = new AbortController();
let api: TestApiServer;
let client: ApiClient;
let controllersClient: ApiClient;
const failures: string[] = [];

before(async () => {
  api = await startTestApiServer({ serviceRanges: ['10.96.0.0/16', 'fd00:10:96::/112'] });
  client = api.client;
  const { caCertificate: ca, controllerManager } = api.pki;
  controllersClient = new ApiClient({
    server: api.url,
    ca,
    cert: controllerManager.certificate,
    key: controllerManager.key,
  });
  const config = {
    clusterCidrs: ['10.244.0.0/16', 'fd00:10:244::/48'],
    rootCa: ca,
    orphanedPodGraceMs: 100,
    onError: (error: Error) => {
      if (/forbidden/.test(error.message)) failures.push(error.message);
    },
  };
  await startControllers(controllersClient, config, stop.signal);
  await startFakeKubelet({
    client,
    nodes: ['one', 'two', 'three'],
    signal: stop.signal,
    brokenImages: ['broken'],
  });
});

after(async () => {
  stop.abort();
  controllersClient[Symbol.dispose]();
  await api[Symbol.asyncDispose]();
});

const key = (name: string): ObjectKey => ({ namespace: NS, name });

function isGone<T extends KubeObject>(kind: Resource<T>, name: ObjectKey): Promise<boolean> {
  const ask = () =>
    client.get(kind, name).then(
      () => false,
      (error: unknown) => {
        if (isNotFound(error)) return true;
        throw error;
      },
    );
  return until(`${kind.kind} ${name.name} is gone`, ask, (gone) => gone);
}

const podsOf = async (app: string): Promise<Pod[]> =>
  (await client.list(PODS, { namespace: NS, labelSelector: `app=${app}` })).items;

function template(app: string, image = 'a') {
  return { metadata: { labels: { app } }, spec: { containers: [{ name: 'c', image }] } };
}

const deployment = (name: string, replicas: number, image?: string): Deployment => ({
  metadata: { namespace: NS, name },
  spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name, image) },
});

const rolledOut = (name: string, replicas: number): Promise<Deployment> =>
  until(
    `deployment ${name}`,
    () => client.get(DEPLOYMENTS, key(name)),
    ({ status, metadata }) =>
      status?.observedGeneration === metadata?.generation &&
      (status?.updatedReplicas ?? 0) === replicas &&
      (status?.availableReplicas ?? 0) === replicas &&
      (status?.replicas ?? 0) === replicas,
  );

const addressesOf = async (service: string): Promise<string[]> => {
  const labelSelector = `kubernetes.io/service-name=${service}`;
  const { items } = await client.list(ENDPOINT_SLICES, { namespace: NS, labelSelector });
  return items.flatMap(({ endpoints }) => endpoints ?? []).flatMap(({ addresses }) => addresses);
};

test('every node gets a pod range of each family, and no taint while it is alive', async () => {
  const { items } = await until(
    'nodes',
    () => client.list(NODES),
    ({ items: nodes }) =>
      nodes.length === 3 && nodes.every(({ spec }) => spec?.podCIDRs?.length === 2 && !spec.taints?.length),
  );
  assert.equal(new Set(items.flatMap(({ spec }) => spec?.podCIDRs ?? [])).size, 6);
});

test('a new namespace gets its service account and the CA certificate, and a deleted one ends with all it holds', async () => {
  await client.create(NAMESPACES, { metadata: { name: 'work' } });
  const inside = (name: string): ObjectKey => ({ namespace: 'work', name });
  await until(
    'account',
    () => client.list(SERVICE_ACCOUNTS, { namespace: 'work' }),
    ({ items }) => items.length === 1,
  );
  await until(
    'CA',
    () => client.list(CONFIG_MAPS, { namespace: 'work' }),
    ({ items }) => items.length === 1,
  );
  const held = { metadata: { namespace: 'work', name: 'held', finalizers: ['example.com/mine'] } };
  await client.create(CONFIG_MAPS, held);
  const web = deployment('web', 2);
  await client.create(DEPLOYMENTS, { ...web, metadata: { namespace: 'work', name: 'web' } });
  await client.delete(NAMESPACES, { name: 'work' });
  await isGone(DEPLOYMENTS, inside('web'));
  const remaining = await until(
    'conditions',
    () => client.get(NAMESPACES, { name: 'work' }),
    ({ status }) =>
      status?.conditions?.some(
        ({ type, status: value }) => type === 'NamespaceFinalizersRemaining' && value === 'True',
      ) === true,
  );
  assert.equal(remaining.status?.phase, 'Terminating');
  await client.patch(CONFIG_MAPS, inside('held'), { metadata: { finalizers: null } });
  await isGone(NAMESPACES, { name: 'work' });
});

describe('deployments', () => {
  test('run, spread over the nodes, behind their Service; roll out, back, and scale', async () => {
    await client.create(SERVICES, {
      metadata: { namespace: NS, name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
    });
    await client.create(DEPLOYMENTS, deployment('web', 6));
    await rolledOut('web', 6);
    const nodes = (await podsOf('web')).map(({ spec }) => spec?.nodeName);
    for (const node of ['one', 'two', 'three']) assert.equal(nodes.filter((name) => name === node).length, 2);
    await until(
      'addresses',
      () => addressesOf('web'),
      (addresses) => addresses.length === 6,
    );
    const { subsets } = await until(
      'endpoints',
      () => client.get(ENDPOINTS, key('web')),
      (all) => all.subsets?.[0]?.addresses?.length === 6,
    );
    assert.equal(subsets?.[0]?.ports?.[0]?.port, 80);

    await client.patch(DEPLOYMENTS, key('web'), { spec: { template: template('web', 'b') } });
    await rolledOut('web', 6);
    await until(
      'pods',
      () => podsOf('web'),
      (pods) => pods.every(({ spec }) => spec?.containers[0]?.image === 'b') && pods.length === 6,
    );
    await client.patch(DEPLOYMENTS, key('web'), { spec: { template: template('web', 'a'), replicas: 3 } });
    const { metadata } = await rolledOut('web', 3);
    assert.equal(metadata?.annotations?.['deployment.kubernetes.io/revision'], '3');
    const { items: sets } = await client.list(REPLICA_SETS, { namespace: NS, labelSelector: 'app=web' });
    assert.equal(sets.length, 2);
    await until(
      'addresses',
      () => addressesOf('web'),
      (addresses) => addresses.length === 3,
    );
  });

  test('keep serving when the new image does not work', async () => {
    await client.create(DEPLOYMENTS, deployment('careful', 4));
    await rolledOut('careful', 4);
    await client.patch(DEPLOYMENTS, key('careful'), { spec: { template: template('careful', 'broken') } });
    const works = (pods: Pod[]) => pods.filter(({ spec }) => spec?.containers[0]?.image === 'a').length;
    await until(
      'pods',
      () => podsOf('careful'),
      (pods) => pods.length === 5 && works(pods) === 3,
    );
  });

  test('end with everything they own, in the background and in the foreground', async () => {
    for (const propagationPolicy of ['Background', 'Foreground']) {
      const name = propagationPolicy.toLowerCase();
      await client.create(DEPLOYMENTS, deployment(name, 2));
      await rolledOut(name, 2);
      await client.delete(DEPLOYMENTS, key(name), { propagationPolicy });
      await isGone(DEPLOYMENTS, key(name));
      await until(
        'pods',
        () => podsOf(name),
        (pods) => pods.length === 0,
      );
    }
  });

  test('leave what they own when they are orphaned, to be adopted again', async () => {
    await client.create(DEPLOYMENTS, deployment('parent', 2));
    await rolledOut('parent', 2);
    const uids = async () => new Set((await podsOf('parent')).map(({ metadata }) => metadata?.uid));
    const family = await uids();
    await client.delete(DEPLOYMENTS, key('parent'), { propagationPolicy: 'Orphan' });
    await isGone(DEPLOYMENTS, key('parent'));
    const sets = () => client.list(REPLICA_SETS, { namespace: NS, labelSelector: 'app=parent' });
    await until(
      'free',
      sets,
      ({ items }) => items.length === 1 && !items[0]?.metadata?.ownerReferences?.length,
    );
    await client.create(DEPLOYMENTS, deployment('parent', 2));
    await rolledOut('parent', 2);
    assert.deepEqual(await uids(), family);
  });

  test('replace a pod that is deleted', async () => {
    await client.create(DEPLOYMENTS, deployment('healed', 1));
    await rolledOut('healed', 1);
    const [pod] = await podsOf('healed');
    await client.delete(PODS, key(pod?.metadata?.name ?? ''));
    const isOther = (pods: Pod[]) => pods.length === 1 && pods[0]?.metadata?.uid !== pod?.metadata?.uid;
    await until('another pod', () => podsOf('healed'), isOther);
  });
});

test('a stateful set makes named pods in order, behind a headless Service', async () => {
  await client.create(SERVICES, {
    metadata: { namespace: NS, name: 'db' },
    spec: { clusterIP: 'None', selector: { app: 'db' }, ports: [{ port: 5432 }] },
  });
  const set: StatefulSet = {
    metadata: { namespace: NS, name: 'db' },
    spec: {
      replicas: 3,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: template('db'),
    },
  };
  await client.create(STATEFUL_SETS, set);
  const ready = (image: string) =>
    until(
      'pods',
      () => podsOf('db'),
      (pods) =>
        pods.length === 3 &&
        pods.every((pod) => pod.status?.phase === 'Running' && pod.spec?.containers[0]?.image === image),
    );
  const pods = await ready('a');
  const names = ['db-0', 'db-1', 'db-2'];
  assert.deepEqual(new Set(pods.map(({ metadata }) => metadata?.name)), new Set(names));
  const slices = await until(
    'hostnames',
    () => client.list(ENDPOINT_SLICES, { namespace: NS, labelSelector: 'kubernetes.io/service-name=db' }),
    ({ items }) => items[0]?.endpoints?.length === 3,
  );
  assert.deepEqual(new Set(slices.items[0]?.endpoints?.map(({ hostname }) => hostname)), new Set(names));
  await client.patch(STATEFUL_SETS, key('db'), { spec: { template: template('db', 'b') } });
  await ready('b');
});

test('a replication controller keeps its pods', async () => {
  await client.create(REPLICATION_CONTROLLERS, {
    metadata: { namespace: NS, name: 'rc' },
    spec: { replicas: 2, selector: { app: 'rc' }, template: template('rc') },
  });
  await until(
    'status',
    () => client.get(REPLICATION_CONTROLLERS, key('rc')),
    ({ status }) => status?.availableReplicas === 2,
  );
});

test('a pod that fits nowhere says why, and runs once it does', async () => {
  const spec = { containers: [{ name: 'c', image: 'a' }], nodeSelector: { disk: 'fast' } };
  await client.create(PODS, { metadata: { namespace: NS, name: 'picky' }, spec });
  const { status } = await until(
    'condition',
    () => client.get(PODS, key('picky')),
    (pod) => pod.status?.conditions?.[0]?.reason === 'Unschedulable',
  );
  assert.match(status?.conditions?.[0]?.message ?? '', /0\/3 nodes are available: 3 node\(s\) didn't match/);
  await until(
    'event',
    () => client.list(EVENTS, { namespace: NS, fieldSelector: 'involvedObject.name=picky' }),
    ({ items }) => items.some(({ reason }) => reason === 'FailedScheduling'),
  );
  await client.patch(NODES, { name: 'two' }, { metadata: { labels: { disk: 'fast' } } });
  const placed = await until(
    'node',
    () => client.get(PODS, key('picky')),
    (pod) => pod.spec?.nodeName !== undefined,
  );
  assert.equal(placed.spec?.nodeName, 'two');
});

test('a pod that must be near another runs once that one has its node', async () => {
  const near = { labelSelector: { matchLabels: { app: 'leader' } }, topologyKey: 'kubernetes.io/hostname' };
  const affinity = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [near] } };
  const { spec, metadata } = template('leader');
  await client.create(PODS, { metadata: { namespace: NS, name: 'follower' }, spec: { ...spec, affinity } });
  await until(
    'condition',
    () => client.get(PODS, key('follower')),
    (pod) => pod.status?.conditions?.[0]?.reason === 'Unschedulable',
  );
  await client.create(PODS, { metadata: { ...metadata, namespace: NS, name: 'leader' }, spec });
  const follower = await until(
    'node',
    () => client.get(PODS, key('follower')),
    (pod) => pod.spec?.nodeName !== undefined,
  );
  const leader = await client.get(PODS, key('leader'));
  assert.equal(follower.spec?.nodeName, leader.spec?.nodeName);
});

test('what belongs to the cluster is not collected for an owner in a namespace, which it cannot name', async () => {
  const owned = (name: string, kind: string) => ({
    metadata: { name, ownerReferences: [{ apiVersion: 'v1', kind, name: 'nobody', uid: `no-${kind}` }] },
  });
  await client.create(CLUSTER_ROLES, owned('misplaced', 'ConfigMap'));
  await client.create(CLUSTER_ROLES, owned('orphaned', 'Node'));
  await isGone(CLUSTER_ROLES, { name: 'orphaned' });
  assert.equal((await client.get(CLUSTER_ROLES, { name: 'misplaced' })).metadata?.name, 'misplaced');
});

test('Endpoints that a user keeps are mirrored', async () => {
  await client.create(SERVICES, {
    metadata: { namespace: NS, name: 'outer' },
    spec: { ports: [{ port: 80 }] },
  });
  await client.create(ENDPOINTS, {
    metadata: { namespace: NS, name: 'outer' },
    subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 80 }] }],
  });
  const addresses = await until(
    'mirror',
    () => addressesOf('outer'),
    (all) => all.length > 0,
  );
  assert.deepEqual(addresses, ['192.0.2.1']);
  await client.delete(SERVICES, key('outer'));
  await isGone(ENDPOINTS, key('outer'));
  await until(
    'no mirror',
    () => addressesOf('outer'),
    (all) => all.length === 0,
  );
});

test('pods of a node that is deleted are replaced elsewhere', async () => {
  await client.create(DEPLOYMENTS, deployment('moving', 3));
  await rolledOut('moving', 3);
  await client.delete(NODES, { name: 'three' });
  await until(
    'moved',
    () => podsOf('moving'),
    (pods) =>
      pods.length === 3 &&
      pods.every(({ spec }) => spec?.nodeName !== undefined && spec.nodeName !== 'three'),
  );
});

test('the controllers may do all that they do', () => {
  assert.deepEqual(failures, []);
});
