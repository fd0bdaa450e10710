// `portolan dns` while its API server is away, refuses, hangs, or comes back with something else.
import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { KubeObject } from '#api/machinery/object.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import { askDns, freePort, outcomeOf, startDnsCommand, testFolder } from '#test/support/dns-command.ts';
import { startTroubledApi, type TroubledApi } from '#test/support/troubled-api.ts';
import { until } from '#test/support/until.ts';

const SERVFAIL = 2;
const NXDOMAIN = 3;
const REFUSED_SLICES = {
  code: 403,
  reason: 'Forbidden',
  message: 'endpointslices.discovery.k8s.io is forbidden: User "dns" cannot list resource "endpointslices"',
};

function service(name: string, clusterIp: string): KubeObject {
  const spec = { clusterIPs: [clusterIp], ports: [{ port: 80, protocol: 'TCP' }] };
  return { kind: 'Service', metadata: { namespace: 'default', name }, spec } as KubeObject;
}

const OBJECTS = [
  { kind: 'Namespace', metadata: { name: 'default' } },
  service('web', '10.96.0.20'),
  service('old', '10.96.0.21'),
];

/** The command in front of the API server. */
async function start(t: TestContext, api: TroubledApi, more = '', zones = 'cluster.local') {
  t.after(() => api[Symbol.asyncDispose]());
  const [port, pages] = [await freePort(), await freePort()];
  const corefile = `.:${port} {
    bind 127.0.0.1
    ready 127.0.0.1:${pages}
    prometheus 127.0.0.1:${pages}
    kubernetes ${zones} {
        endpoint ${api.url}
        startup_timeout 300ms
        ${more}
    }
}`;
  const command = startDnsCommand(t, ['--conf', testFolder(t).file('Corefile', corefile)]);
  await command.said(/^serving on /);
  const page = async (path: string): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${pages}${path}`);
    return `${response.status} ${await response.text()}`;
  };
  return {
    command,
    ask: async (name: string) => outcomeOf(await askDns(port, `${name}.default.svc.cluster.local`)),
    asked: async (name: string) => outcomeOf(await askDns(port, name)),
    ready: () => page('/ready'),
    metrics: () => page('/metrics'),
  };
}

/** Lines about what went wrong. */
const errors = (lines: readonly string[]): string[] => lines.filter((line) => line.includes('[ERROR]'));

test('portolan dns starts without its API server, says so once, and answers when it comes', async (t) => {
  const api = await startTroubledApi(OBJECTS, { port: await freePort(), away: true });
  const { command, ask, ready } = await start(t, api);
  assert.match(
    await command.said(/starting without/),
    /starting without namespaces, services, endpointslices\.discovery\.k8s\.io, which have not come in 0\.3 s: names that may exist are SERVFAIL$/,
  );
  assert.equal(await ask('web'), SERVFAIL);
  assert.equal(await ready(), '503 kubernetes');
  await api.comeBack();
  await until('an answer', () => ask('web'), Array.isArray);
  await until(
    'all objects',
    () => ask('nobody'),
    (found) => found === NXDOMAIN,
  );
  assert.equal(await ready(), '200 OK');
  await command.said(/followed again, after \d+ s$/);
  await command.said(/all objects are there now$/);
  const said = errors(command.lines());
  assert.equal(said.length, 1, command.lines().join('\n'));
  assert.match(
    said[0] ?? '',
    /the API server http:\/\/127\.0\.0\.1:\d+ cannot be reached: connect ECONNREFUSED/,
  );
});

test('portolan dns goes on answering while its API server is away, and then knows what was missed', async (t) => {
  const api = await startTroubledApi(OBJECTS);
  const { command, ask, ready, metrics } = await start(t, api);
  assert.deepEqual(await ask('old'), ['10.96.0.21']);
  const contact = async (): Promise<number> =>
    Number(/^portolan_dns_watch_last_contact_seconds (\S+)$/m.exec(await metrics())?.[1]);
  const before = await contact();
  await api.goAway();
  api.api.delete(service('old', '10.96.0.21'));
  api.api.apply(service('web', '10.96.0.22'), service('new', '10.96.0.23'));
  await command.said(/cannot be reached/);
  assert.deepEqual(await ask('web'), ['10.96.0.20']);
  assert.deepEqual(await ask('old'), ['10.96.0.21']);
  assert.equal(await ready(), '200 OK', 'for a quarter of an hour what it knows may do');
  assert(Math.abs((await contact()) - before) < 10);
  await api.comeBack();
  await until('the new Service', () => ask('new'), Array.isArray);
  await until(
    'the changed Service',
    () => ask('web'),
    (found) => String(found) === '10.96.0.22',
  );
  await until(
    'the deleted Service',
    () => ask('old'),
    (found) => found === NXDOMAIN,
  );
  await command.said(/followed again/);
  assert.equal(errors(command.lines()).length, 1, command.lines().join('\n'));
});

test('portolan dns lists again when the API server no longer has what it saw last', async (t) => {
  const api = await startTroubledApi(OBJECTS);
  const { ask } = await start(t, api);
  assert.deepEqual(await ask('old'), ['10.96.0.21']);
  api.trouble = (path) =>
    path.includes('resourceVersion=')
      ? { code: 410, reason: 'Expired', message: 'too old resource version' }
      : undefined;
  await api.goAway();
  api.api.delete(service('old', '10.96.0.21'));
  await api.comeBack();
  await until(
    'the deleted Service',
    () => ask('old'),
    (found) => found === NXDOMAIN,
  );
  assert.deepEqual(await ask('web'), ['10.96.0.20']);
});

test('portolan dns names the kind that its account may not read, and does not deny what it cannot know', async (t) => {
  const api = await startTroubledApi(OBJECTS);
  api.trouble = (path) => (path.includes('endpointslices') ? REFUSED_SLICES : undefined);
  const { command, ask, ready } = await start(t, api);
  assert.match(
    await command.said(/starting without/),
    /starting without endpointslices\.discovery\.k8s\.io, which/,
  );
  assert.match(
    await command.said(/\[ERROR\]/),
    /endpointslices\.discovery\.k8s\.io cannot be followed: .*User "dns" cannot list.* \(403\); the account needs list and watch/,
  );
  assert.deepEqual(await ask('web'), ['10.96.0.20']);
  assert.equal(await ask('nobody'), SERVFAIL);
  assert.equal(await ready(), '503 kubernetes');
  api.trouble = () => undefined;
  await until(
    'NXDOMAIN',
    () => ask('nobody'),
    (found) => found === NXDOMAIN,
  );
  assert.equal(errors(command.lines()).length, 1, command.lines().join('\n'));
});

test('portolan dns says that its credentials are not accepted', async (t) => {
  const api = await startTroubledApi(OBJECTS);
  api.trouble = () => ({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
  const { command } = await start(t, api);
  assert.match(
    await command.said(/\[ERROR\]/),
    /the API server does not accept the credentials: Unauthorized \(401\); it is tried until it works$/,
  );
});

test('portolan dns does not wait for an API server that takes requests and says nothing', async (t) => {
  const api = await startTroubledApi(OBJECTS);
  api.trouble = () => 'hangs';
  const { command, ask } = await start(t, api);
  await command.said(/starting without/);
  assert.equal(await ask('web'), SERVFAIL);
});

test('portolan dns serves Services where the API server does not know ServiceImports, until it does', async (t) => {
  const imported = {
    kind: 'ServiceImport',
    metadata: { namespace: 'default', name: 'far' },
    spec: { type: 'ClusterSetIP', ips: ['10.97.0.1'], ports: [{ port: 80, protocol: 'TCP' }] },
  } as KubeObject;
  const api = await startTroubledApi([...OBJECTS, imported]);
  api.trouble = (path) =>
    path.includes('serviceimports')
      ? { code: 404, reason: 'NotFound', message: 'the server could not find the requested resource' }
      : undefined;
  const zones = 'cluster.local clusterset.local';
  const { command, ask, asked, ready } = await start(t, api, 'multicluster clusterset.local', zones);
  assert.match(
    await command.said(/\[ERROR\]/),
    /serviceimports\.multicluster\.x-k8s\.io cannot be followed: .* \(404\)/,
  );
  assert.equal(await ask('nobody'), NXDOMAIN);
  assert.equal(await asked('far.default.svc.clusterset.local'), NXDOMAIN);
  assert.equal(await ready(), '200 OK');
  api.trouble = () => undefined;
  await until('the import', () => asked('far.default.svc.clusterset.local'), Array.isArray);
});

test('two servers, of which one has lost the API server: each answers of what it knows', async (t) => {
  const lost = await startTroubledApi(OBJECTS);
  const kept = await startTroubledApi(OBJECTS);
  const [one, other] = [await start(t, lost), await start(t, kept)];
  await lost.goAway();
  kept.api.apply(service('web', '10.96.0.30'));
  await until(
    'the change',
    () => other.ask('web'),
    (found) => String(found) === '10.96.0.30',
  );
  assert.deepEqual(await one.ask('web'), ['10.96.0.20']);
});

test('portolan dns says that it does not trust the API server’s certificate, once', async (t) => {
  const [own, other] = [await makeCertificate(), await makeCertificate()];
  const server = createServer(own, (_, response) => response.end('{}'));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const folder = testFolder(t);
  const [cert, key] = [folder.file('cert.pem', other.cert), folder.file('key.pem', other.key)];
  const corefile = `.:0 {
    bind 127.0.0.1
    kubernetes cluster.local {
        endpoint https://127.0.0.1:${port}
        tls ${cert} ${key} ${cert}
        startup_timeout 300ms
    }
}`;
  const command = startDnsCommand(t, ['--conf', folder.file('Corefile', corefile)]);
  await command.said(/^serving on /);
  assert.equal(errors(command.lines()).length, 1, command.lines().join('\n'));
  assert.match(
    errors(command.lines())[0] ?? '',
    new RegExp(
      `the API server https://127\\.0\\.0\\.1:${port} cannot be reached: .*self-signed certificate; it is tried`,
    ),
  );
});
