// Logs, exec, attach, port-forward, cp, proxies and auth can-i: a real kubectl against the API server and a node's
// server, whose containers are ordinary processes of this machine.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { WebSocket } from 'ws';
import type { Pod } from '#api/core/v1.gen.ts';
import { ENDPOINT_SLICES, NODES, PODS, SERVICES } from '#kube/resources.ts';
import { FakeContainerAccess } from '#node/streaming/fake-container-access.ts';
import { type StreamingServer, startStreamingServer } from '#node/streaming/streaming-server.ts';
import { PseudoTerminal } from '#os/terminal.ts';
import { startTestApiServer, type TestApiServer } from './support/api-server.ts';
import { findKubectl } from './support/kubectl.ts';
import { startWebBackend, type WebBackend } from './support/web-backend.ts';

const found = findKubectl();
const kubectlPath = 'path' in found ? found.path : 'kubectl';
const skip = 'skip' in found ? found.skip : false;

let api: TestApiServer;
let node: StreamingServer;
let access: FakeContainerAccess;
let web: WebBackend;
const scratch = mkdtempSync(join(tmpdir(), 'portolan-streaming-test-'));

before(async () => {
  api = await startTestApiServer({ disableAdmission: ['ServiceAccount'], dial });
  access = new FakeContainerAccess();
  const { serving } = api.pki.nodes.get('node-1')!;
  node = await startStreamingServer({
    access,
    tls: { cert: serving.certificate, key: serving.key, ca: api.pki.caCertificate },
    listen: { host: '127.0.0.1', port: 0 },
  });
  web = await startWebBackend();
  await createObjects();
});
after(async () => {
  web.close();
  await node[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});

/** A Service's endpoint may not be of the loopback, so this network has an address that leads there. */
const SERVICE_ENDPOINT = '192.0.2.1';
async function dial(address: string, port: number): Promise<Socket> {
  const socket = createConnection(port, address === SERVICE_ENDPOINT ? '127.0.0.1' : address);
  await once(socket, 'connect');
  return socket;
}

async function createObjects(): Promise<void> {
  const { client } = api;
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: node.port } },
  };
  await client.updateStatus(NODES, {
    ...(await client.create(NODES, { metadata: { name: 'node-1' } })),
    status,
  });
  const pod: Pod = {
    metadata: { name: 'web', namespace: 'default' },
    spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'x', stdin: true }] },
  };
  access.podsByName.set('default/web', pod);
  const running: Pod['status'] = {
    phase: 'Running',
    podIP: '127.0.0.1',
    podIPs: [{ ip: '127.0.0.1' }],
    containerStatuses: [
      {
        name: 'main',
        ready: true,
        restartCount: 0,
        image: 'x',
        imageID: '',
        state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
      },
    ],
  };
  await client.updateStatus(PODS, { ...(await client.create(PODS, pod)), status: running });
  await client.create(PODS, {
    metadata: { name: 'unscheduled', namespace: 'default' },
    spec: { containers: [{ name: 'main', image: 'x' }] },
  });
  const ports = [{ name: 'http', port: 80 }];
  await client.create(SERVICES, { metadata: { name: 'web', namespace: 'default' }, spec: { ports } });
  await client.create(SERVICES, { metadata: { name: 'empty', namespace: 'default' }, spec: { ports } });
  await client.create(ENDPOINT_SLICES, {
    metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: web.port }],
    endpoints: [
      { addresses: ['192.0.2.2'], conditions: { ready: false } },
      { addresses: [SERVICE_ENDPOINT], conditions: { ready: true } },
    ],
  });
}

describe('kubectl exec', { skip }, () => {
  it('passes on output, errors and the exit code', async () => {
    const result = await kubectl(['exec', 'web', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
    assert.equal(result.stdout, 'out\n');
    assert.equal(result.stderr, 'err\ncommand terminated with exit code 7\n');
    assert.equal(result.status, 7);
  });

  it('passes on input and its end', async () => {
    const input = 'line\n'.repeat(100_000);
    const result = await kubectl(['exec', '-i', 'web', '--', 'wc', '-l'], input);
    assert.deepEqual(result, { status: 0, stdout: '100000\n', stderr: '' });
  });

  it('gives a terminal that has the size of the local one', async () => {
    const output = await kubectlOnTerminal([
      'exec',
      '-it',
      'web',
      '--',
      'sh',
      '-c',
      'until stty size | grep 51; do sleep 0.05; done',
    ]);
    assert.match(output, /51 117/);
  });

  it('says what is wrong with the container, the pod and the command', async () => {
    const wrongContainer = await kubectl(['exec', 'web', '-c', 'other', '--', 'true']);
    assert.match(wrongContainer.stderr, /container not found|container other is not valid for pod web/);
    assert.match((await kubectl(['exec', 'nope', '--', 'true'])).stderr, /pods "nope" not found/);
    assert.match(
      (await kubectl(['exec', 'unscheduled', '--', 'true'])).stderr,
      /pod unscheduled does not have a host assigned/,
    );
    const wrongCommand = await kubectl(['exec', 'web', '--', '/no/such']);
    assert.match(wrongCommand.stderr, /executable file not found/);
    assert.notEqual(wrongCommand.status, 0);
  });
});

describe('kubectl cp', { skip }, () => {
  it('copies files both ways', async () => {
    const source = join(scratch, 'source');
    writeFileSync(source, Buffer.alloc(2_000_000, 'x'));
    const there = await kubectl(['cp', source, `web:${join(scratch, 'there')}`]);
    assert.equal(there.status, 0, there.stderr);
    const back = await kubectl(['cp', `web:${join(scratch, 'there')}`, join(scratch, 'back')]);
    assert.equal(back.status, 0, back.stderr);
    assert.deepEqual(readFileSync(join(scratch, 'back')), readFileSync(source));
  });
});

describe('kubectl attach', { skip }, () => {
  it('shows the output of the main process and passes input on', async () => {
    access.mainCommand = ['sh', '-c', 'read line; echo got $line'];
    const result = await kubectl(['attach', '-i', 'web'], 'hello\n');
    assert.match(result.stdout, /got hello/);
    assert.equal(result.status, 0);
  });
});

describe('kubectl logs', { skip }, () => {
  it('prints the log, its end, and follows it', async () => {
    access.logLines = ['one', 'two', 'three'];
    assert.equal((await kubectl(['logs', 'web'])).stdout, 'one\ntwo\nthree\n');
    assert.equal((await kubectl(['logs', 'web', '--tail=1', '-c', 'main'])).stdout, 'three\n');
    const following = start(['logs', '-f', 'web', '--tail=1']);
    assert.equal(String((await once(following.stdout, 'data'))[0]), 'three\n');
    access.log('four');
    assert.equal(String((await once(following.stdout, 'data'))[0]), 'four\n');
    following.kill();
  });

  it('is empty for a pod that has not been scheduled, and refuses wrong options', async () => {
    assert.deepEqual(await kubectl(['logs', 'unscheduled']), { status: 0, stdout: '', stderr: '' });
    const wrong = await kubectl(['get', '--raw', '/api/v1/namespaces/default/pods/web/log?tailLines=-1']);
    assert.match(wrong.stderr, /tailLines: Invalid value: -1: must be greater than or equal to 0/);
  });
});

describe('kubectl port-forward', { skip }, () => {
  it('carries HTTP to the pod, connection after connection and several at once', async () => {
    const forward = start(['port-forward', 'pod/web', `:${web.port}`]);
    try {
      const [line] = await once(forward.stdout, 'data');
      const port = /127\.0\.0\.1:(\d+)/.exec(String(line))?.[1];
      const fetchBody = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
      assert.equal(await fetchBody('/a'), 'GET /a');
      assert.deepEqual(await Promise.all(['/b', '/c', '/d'].map(fetchBody)), ['GET /b', 'GET /c', 'GET /d']);
      assert.equal((await fetchBody('/large')).length, 3_000_000);
    } finally {
      forward.kill();
      await once(forward, 'close');
    }
  });
});

describe('proxies', { skip }, () => {
  const raw = (path: string) => kubectl(['get', '--raw', path]);

  it('carry requests to a pod by port', async () => {
    const result = await raw(`/api/v1/namespaces/default/pods/http:web:${web.port}/proxy/some/path?x=1&y=2`);
    assert.equal(result.stdout, 'GET /some/path?x=1&y=2');
    assert.equal(web.requests.at(-1)?.headers.authorization, undefined);
  });

  it('carry requests with bodies, and keep status and redirects', async () => {
    const base = `/api/v1/namespaces/default/pods/web:${web.port}/proxy`;
    const posted = await send('POST', `${base}/echo`, 'the body');
    assert.deepEqual([posted.status, posted.body], [200, 'POST /echo the body']);
    assert.equal((await send('GET', `${base}/missing`)).status, 404);
    const moved = await send('GET', `${base}/moved`);
    assert.deepEqual([moved.status, moved.headers.location], [302, `${base}/target`]);
    const bare = await send('GET', `${base}?x=1`);
    assert.deepEqual([bare.status, bare.headers.location], [301, `${base}/?x=1`]);
  });

  it('carry OPTIONS too, and lead the links of a page back through themselves', async () => {
    const base = `/api/v1/namespaces/default/pods/web:${web.port}/proxy`;
    const options = await send('OPTIONS', `${base}/any`);
    assert.deepEqual([options.status, options.body], [200, 'OPTIONS /any']);
    for (const page of ['/page', '/page.gz']) {
      assert.equal((await send('GET', `${base}${page}`)).body, `<a href="${base}/next">ä</a>`, page);
    }
    assert.equal((await send('HEAD', `${base}/page`)).status, 200);
  });

  it('carry requests to a ready endpoint of a Service by the name or number of its port', async () => {
    assert.equal((await raw('/api/v1/namespaces/default/services/web:http/proxy/a')).stdout, 'GET /a');
    assert.equal((await raw('/api/v1/namespaces/default/services/http:web:80/proxy/b')).stdout, 'GET /b');
  });

  it('carry WebSockets', async () => {
    const path = `/api/v1/namespaces/default/pods/web:${web.port}/proxy/socket`;
    const { caCertificate: ca, admin } = api.pki;
    const socket = new WebSocket(`${api.url}${path}`, { ca, cert: admin.certificate, key: admin.key });
    await once(socket, 'open');
    socket.send('hello');
    assert.equal(String((await once(socket, 'message'))[0]), 'echo hello');
    socket.close();
    await once(socket, 'close');
  });

  it('reach the kubelet of a node', async () => {
    assert.equal((await raw('/api/v1/nodes/node-1/proxy/healthz')).stdout, 'ok');
  });

  it('tell in upstream’s words what cannot be reached', async () => {
    const result = async (path: string) => {
      const { status, body } = await send('GET', `/api/v1/namespaces/default/${path}`);
      return [status, (JSON.parse(body) as { message: string }).message];
    };
    assert.deepEqual(await result('services/empty:http/proxy/'), [
      503,
      'no endpoints available for service "empty:http"',
    ]);
    assert.deepEqual(await result('services/empty:99/proxy/'), [
      503,
      'no service port 99 found for service "empty"',
    ]);
    assert.deepEqual(await result('services/nope/proxy/'), [404, 'services "nope" not found']);
    assert.deepEqual(await result('pods/a:b:c/proxy/'), [400, 'invalid pod request "a:b:c"']);
    assert.match(
      String((await result('pods/web:1/proxy/'))[1]),
      /^error trying to reach service: .*ECONNREFUSED/,
    );
  });
});

describe('kubectl auth', { skip }, () => {
  it('can-i answers for the administrator and for others', async () => {
    assert.equal((await kubectl(['auth', 'can-i', 'delete', 'nodes'])).stdout, 'yes\n');
    const other = await kubectl(['auth', 'can-i', 'list', 'pods', '--as', 'jane']);
    assert.deepEqual([other.stdout, other.status], ['no\n', 1]);
    await kubectl(['create', 'rolebinding', 'jane-views', '--clusterrole=view', '--user=jane']);
    assert.equal((await kubectl(['auth', 'can-i', 'list', 'pods', '--as', 'jane'])).stdout, 'yes\n');
    assert.equal((await kubectl(['auth', 'can-i', 'list', 'secrets', '--as', 'jane'])).stdout, 'no\n');
    assert.match(
      (await kubectl(['auth', 'can-i', '--list', '--as', 'jane'])).stdout,
      /endpointslices\.discovery\.k8s\.io/,
    );
  });

  it('whoami tells the user of the certificate', async () => {
    assert.match((await kubectl(['auth', 'whoami'])).stdout, /kubernetes-admin/);
  });

  it('refusals are in upstream’s words', async () => {
    const { stderr } = await kubectl(['get', 'nodes', '--as', 'jane']);
    assert.equal(
      stderr,
      'Error from server (Forbidden): nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope\n',
    );
  });

  it('create token gives a token with which kubectl works', async () => {
    await kubectl(['create', 'serviceaccount', 'robot']);
    const { stdout: token } = await kubectl(['create', 'token', 'robot']);
    const result = await kubectl(
      ['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'],
      undefined,
      [
        '--server',
        api.url,
        '--certificate-authority',
        join(api.kubeconfig, '../pki/ca.crt'),
        '--token',
        token.trim(),
        '--kubeconfig',
        '/dev/null',
      ],
    );
    assert.equal(result.stdout, 'system:serviceaccount:default:robot', result.stderr);
  });
});

describe('old clients', () => {
  it('that speak SPDY are told that it is not implemented', async () => {
    const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1' };
    const path = '/api/v1/namespaces/default/pods/web/exec?command=true&stdout=true&container=main';
    const answer = await send('POST', path, '', headers);
    assert.equal(answer.status, 501);
    assert.match(
      (JSON.parse(answer.body) as { message: string }).message,
      /^not implemented: exec over SPDY\/3\.1/,
    );
  });
});

interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

function start(args: readonly string[], access: readonly string[] = ['--kubeconfig', api.kubeconfig]) {
  return spawn(kubectlPath, [...access, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
}

async function kubectl(args: readonly string[], input = '', access?: readonly string[]): Promise<Result> {
  const child = start(args, access);
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { status: status as number | null, stdout, stderr };
}

async function kubectlOnTerminal(args: readonly string[]): Promise<string> {
  const terminal = new PseudoTerminal();
  terminal.resize(117, 51);
  const side = terminal.terminal;
  const child = spawn(kubectlPath, ['--kubeconfig', api.kubeconfig, ...args], { stdio: [side, side, side] });
  terminal.closeTerminal();
  let output = '';
  terminal.master.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, 'close');
  terminal[Symbol.dispose]();
  return output;
}

async function send(method: string, path: string, body = '', headers: Record<string, string> = {}) {
  const { caCertificate: ca, admin } = api.pki;
  const options = { method, ca, cert: admin.certificate, key: admin.key, agent: false, headers };
  const sent = httpsRequest(`${api.url}${path}`, options);
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}
