// What limited users try at an API server: each request here was let through once, or must never be.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { after, before, it } from 'node:test';
import { connect } from 'node:tls';
import type { KubeObject } from '#api/machinery/object.ts';
import type { PolicyRule, Role } from '#api/rbac/v1.gen.ts';
import { NAMESPACES, NODES, PODS, ROLE_BINDINGS, ROLES } from '#kube/resources.ts';
import { startTestApiServer, type TestApiServer } from '#test/support/api-server.ts';

const NAMESPACE = 'team';
const RBAC = 'rbac.authorization.k8s.io';
const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
};

let api: TestApiServer;
before(async () => {
  const users = ['owner', 'reader', 'apps', 'one', 'roles'];
  api = await startTestApiServer({
    staticTokens: new Map(users.map((name) => [name, { username: name, groups: [] }])),
  });
  await api.client.create(NAMESPACES, { metadata: { name: NAMESPACE } });
  await grant('owner', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]);
  await grant('reader', [{ apiGroups: [''], resources: ['pods', 'pods/exec'], verbs: ['get'] }]);
  await grant('apps', [{ apiGroups: ['apps'], resources: ['*'], verbs: ['*'] }]);
  await grant('roles', [{ apiGroups: [RBAC], resources: ['roles'], verbs: ['create'] }]);
  await grant('one', [
    { apiGroups: [''], resources: ['secrets'], resourceNames: ['a'], verbs: ['create', 'list'] },
  ]);
});
after(() => api[Symbol.asyncDispose]());

/** Gives a user rights in the namespace. */
async function grant(user: string, rules: PolicyRule[]): Promise<void> {
  const metadata = { name: user, namespace: NAMESPACE };
  await api.client.create(ROLES, { metadata, rules });
  await api.client.create(ROLE_BINDINGS, {
    metadata,
    roleRef: { apiGroup: RBAC, kind: 'Role', name: user },
    subjects: [{ apiGroup: RBAC, kind: 'User', name: user }],
  });
}

interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: KubeObject;
}

/** The answer that a user gets. */
async function ask(
  user: string,
  path: string,
  { method = 'GET', headers = {}, body }: Ask = {},
): Promise<IncomingMessage> {
  const sent = request(`${api.url}${path}`, {
    ca: api.pki.caCertificate,
    method,
    agent: false,
    headers: { authorization: `Bearer ${user}`, 'content-type': 'application/json', ...headers },
  });
  sent.end(body && JSON.stringify(body));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
}

async function codeOf(...parameters: Parameters<typeof ask>): Promise<number | undefined> {
  const response = await ask(...parameters);
  response.resume();
  return response.statusCode;
}

it('the owner of a namespace gets nothing of the cluster by asking for it below the namespace', async () => {
  assert.equal(await codeOf('owner', `/api/v1/namespaces/${NAMESPACE}/pods`), 200);
  for (const path of ['nodes', 'namespaces/kube-system', 'namespaces'])
    assert.equal(await codeOf('owner', `/api/v1/namespaces/${NAMESPACE}/${path}`), 404, path);
  const binding = {
    metadata: { name: 'all' },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: RBAC, kind: 'User', name: 'owner' }],
  };
  const path = `/apis/${RBAC}/v1/namespaces/${NAMESPACE}/clusterrolebindings`;
  assert.equal(await codeOf('owner', path, { method: 'POST', body: binding }), 404);
  assert.equal(
    await codeOf('owner', `/apis/${RBAC}/v1/clusterrolebindings`, { method: 'POST', body: binding }),
    403,
  );
});

it('rights to one name allow neither to create another nor to list all', async () => {
  const secrets = `/api/v1/namespaces/${NAMESPACE}/secrets`;
  const selector = 'fieldSelector=metadata.name%3Da';
  assert.equal(await codeOf('one', `${secrets}?${selector}`), 200);
  assert.equal(await codeOf('one', secrets), 403);
  const body = { metadata: { name: 'b' } };
  assert.equal(await codeOf('one', `${secrets}?${selector}`, { method: 'POST', body }), 403);
});

it('a session in a pod needs the right to create it, though a WebSocket begins with GET', async () => {
  const exec = `/api/v1/namespaces/${NAMESPACE}/pods/p/exec?command=id&stdout=true`;
  const refused = await ask('reader', exec, { headers: UPGRADE });
  assert.equal(refused.statusCode, 403);
  assert.match(await text(refused), /cannot create resource .*pods\/exec/);
  assert.equal(await codeOf('owner', exec, { headers: UPGRADE }), 404, 'there is no such pod');
});

it('rights to another group are no rights to the pods of the same name', async () => {
  const path = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/p/exec?command=id&stdout=true`;
  const refused = await ask('apps', path, { headers: UPGRADE });
  assert.equal(refused.statusCode, 404);
  assert.match(await text(refused), /could not find the requested resource/);
});

it('closes while connections are being upgraded, and when clients do not read that they were refused', async () => {
  const dialled = Promise.withResolvers<void>();
  const unreachable = Promise.withResolvers<never>();
  const other = await startTestApiServer({
    disableAdmission: ['ServiceAccount'],
    dial: () => {
      dialled.resolve();
      return unreachable.promise;
    },
  });
  await other.client.create(NODES, { metadata: { name: 'n' } });
  const status = { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] };
  await other.client.patch(NODES, { name: 'n' }, { status }, { subresource: 'status' });
  const spec = { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] };
  await other.client.create(PODS, { metadata: { name: 'p', namespace: 'default' }, spec });

  const { caCertificate: ca, admin } = other.pki;
  const headers = Object.entries({ ...UPGRADE, host: 'x' }).map(([name, value]) => `${name}: ${value}\r\n`);
  const sockets = ['nobody', 'p'].map((pod) => {
    const port = Number(new URL(other.url).port);
    const socket = connect({ host: '127.0.0.1', port, ca, cert: admin.certificate, key: admin.key });
    socket.on('error', () => {});
    socket.write(
      `GET /api/v1/namespaces/default/pods/${pod}/exec?command=id HTTP/1.1\r\n${headers.join('')}\r\n`,
    );
    return socket;
  });
  await dialled.promise;
  await other[Symbol.asyncDispose]();
  unreachable.reject(new Error('the node is away'));
  for (const socket of sockets) socket.destroy();
});

it('refuses a role of more rights than can be compared, at once', async () => {
  const many = Array.from({ length: 2000 }, (_, i) => `x${i}`);
  const rules = [{ verbs: many, apiGroups: many, resources: many }];
  const path = `/apis/${RBAC}/v1/namespaces/${NAMESPACE}/roles`;
  const body: Role = { metadata: { name: 'huge' }, rules };
  const refused = await ask('roles', path, { method: 'POST', body });
  assert.equal(refused.statusCode, 403);
  assert.match(await text(refused), /single rights/);
});

it('refuses a rule without verbs as invalid, not as a failure of its own', async () => {
  const path = `/apis/${RBAC}/v1/namespaces/${NAMESPACE}/roles`;
  const body = { metadata: { name: 'empty' }, rules: [{ apiGroups: [''], resources: ['pods'] }] };
  assert.equal(await codeOf('roles', path, { method: 'POST', body }), 422);
});

it('reads metadata with very many owners and finalizers', async () => {
  const uids = Array.from({ length: 20_000 }, (_, i) => `u${i}`);
  const body = {
    metadata: {
      name: 'owned',
      finalizers: uids.map((uid) => `example.com/${uid}`),
      ownerReferences: [...uids, 'u0'].map((uid) => ({ apiVersion: 'v1', kind: 'Node', name: 'n', uid })),
    },
  };
  const path = `/api/v1/namespaces/${NAMESPACE}/configmaps?dryRun=All`;
  const answer = await ask('owner', path, { method: 'POST', body });
  assert.equal(answer.statusCode, 201);
  const { metadata } = JSON.parse(await text(answer)) as KubeObject;
  assert.equal(metadata?.ownerReferences?.length, uids.length);
  assert.equal(metadata?.finalizers?.length, uids.length);
});

it('limits the warnings that a body provokes', async () => {
  const unknown = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`unknown${i}`, 1]));
  const body = { metadata: { name: 'odd' }, ...unknown };
  const path = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
  const answer = await ask('owner', path, { method: 'POST', body });
  assert.equal(answer.statusCode, 201);
  const warning = String(answer.headers['warning']);
  assert.match(warning, /unknown field/);
  assert(warning.length < 8192);
});
