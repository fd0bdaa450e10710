import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, describe, it } from 'node:test';
import { WebSocket } from 'ws';
import type { Status } from '#api/meta/v1.gen.ts';
import { type ClusterPki, type KeyPair, openClusterPki } from '#cluster/pki.ts';
import { planKubeletConfiguration } from '#node/plan-kubelet-configuration.ts';
import {
  CHANNEL,
  type ChannelProtocol,
  encodeChannelClose,
  encodeChannelData,
  encodeTerminalSize,
} from '#wire/channel-protocol.ts';
import { FakeContainerAccess } from './fake-container-access.ts';
import { PORT_FORWARD_TUNNEL } from './serve-port-forward.ts';
import { SpdySession, type SpdyStream } from './spdy-session.ts';
import { type StreamingServer, startStreamingServer } from './streaming-server.ts';

const directory = mkdtempSync(join(tmpdir(), 'portolan-streaming-'));
let pki: ClusterPki;
let access: FakeContainerAccess;
let server: StreamingServer;

before(async () => {
  pki = await openClusterPki({
    directory,
    apiServerAddresses: [],
    nodes: [{ name: 'node-1', addresses: ['127.0.0.1'] }],
  });
  access = new FakeContainerAccess();
  const { serving } = pki.nodes.get('node-1')!;
  server = await startStreamingServer({
    access,
    logDirectory: join(directory, 'logs'),
    configuration: planKubeletConfiguration(
      { clusterDns: ['10.96.0.10'], clusterDomain: 'cluster.local' },
      { resolvConf: '/etc/resolv.conf', maxPods: 110 },
    ),
    tls: { cert: serving.certificate, key: serving.key, ca: pki.caCertificate },
    listen: { host: '127.0.0.1', port: 0 },
  });
});
after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});
beforeEach(() => {
  access.calls.length = 0;
  access.closed = 0;
  access.logLines = ['one', 'two', 'three'];
  access.podsByName.set('default/web', {
    metadata: { name: 'web', namespace: 'default' },
    spec: { containers: [{ name: 'main', image: 'x' }] },
    status: {
      containerStatuses: [
        { name: 'main', ready: true, restartCount: 0, image: 'x', imageID: '', state: { running: {} } },
      ],
    },
  });
});

async function get(path: string, pair: KeyPair | undefined = pki.apiServerKubeletClient) {
  const sent = request({
    host: '127.0.0.1',
    port: server.port,
    path,
    ca: pki.caCertificate,
    agent: false,
    ...(pair && { cert: pair.certificate, key: pair.key }),
  }).end();
  const [response] = await once(sent, 'response');
  return { status: response.statusCode as number, body: await text(response) };
}

async function open(path: string, protocols: string[]): Promise<WebSocket> {
  const { certificate: cert, key } = pki.apiServerKubeletClient;
  const socket = new WebSocket(`wss://127.0.0.1:${server.port}${path}`, {
    ca: pki.caCertificate,
    cert,
    key,
    // Not by the library's own parameter: it takes no names with a slash.
    headers: { 'sec-websocket-protocol': protocols.join(', ') },
  });
  socket.once('upgrade', ({ headers }) => {
    accepted.set(socket, headers['sec-websocket-protocol']);
    delete headers['sec-websocket-protocol'];
  });
  await once(socket, 'open');
  return socket;
}

/** The subprotocol that the server chose. */
const accepted = new WeakMap<WebSocket, string | undefined>();

/** Collects what comes on each channel until the server closes. */
async function collect(
  socket: WebSocket,
): Promise<{ output: Map<number, string>; status: Status; code: number }> {
  const output = new Map<number, string>();
  socket.on('message', (data: Buffer) => {
    const channel = data.readUInt8(0);
    output.set(channel, (output.get(channel) ?? '') + data.subarray(1).toString());
  });
  const [code] = await once(socket, 'close');
  return { output, status: JSON.parse(output.get(CHANNEL.error) ?? '{}') as Status, code: code as number };
}

function execPath(command: readonly string[], flags: string): string {
  const words = command.map((word) => `command=${encodeURIComponent(word)}`).join('&');
  return `/exec/default/web/main?${words}&${flags}`;
}

describe('the node’s server', () => {
  it('refuses clients without a certificate and with one of another party', async () => {
    await assert.rejects(get('/healthz', { certificate: '', key: '' }));
    const answer = await get('/pods', pki.nodes.get('node-1')!.client);
    assert.equal(answer.status, 403);
    assert.equal((await get('/healthz', pki.admin)).status, 200);
  });

  it('lists its pods and counts what runs', async () => {
    const list = JSON.parse((await get('/pods')).body) as { kind: string; items: unknown[] };
    assert.deepEqual([list.kind, list.items.length], ['PodList', 1]);
    assert.match(
      (await get('/metrics')).body,
      /^kubelet_running_containers\{container_state="running"\} 1$/m,
    );
  });

  it('tells its settings under the names of a KubeletConfiguration', async () => {
    const { status, body } = await get('/configz');
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(body), {
      kubeletconfig: {
        kind: 'KubeletConfiguration',
        apiVersion: 'kubelet.config.k8s.io/v1beta1',
        port: 10_250,
        clusterDomain: 'cluster.local',
        clusterDNS: ['10.96.0.10'],
        resolvConf: '/etc/resolv.conf',
        maxPods: 110,
      },
    });
  });

  it('shows the files of its log directory, and nothing besides', async () => {
    mkdirSync(join(directory, 'logs', 'p&d'), { recursive: true });
    writeFileSync(join(directory, 'logs', 'p&d', '0.log'), 'line\n');
    symlinkSync(join(directory, 'pki'), join(directory, 'logs', 'out'));
    assert.match((await get('/logs/')).body, /<a href="p%26d\/">p&amp;d\/<\/a>/);
    assert.match((await get('/logs/p%26d')).body, /<a href="0.log">0.log<\/a>/);
    assert.deepEqual(await get('/logs/p%26d/0.log'), { status: 200, body: 'line\n' });
    for (const path of ['/logs/none', '/logs/%2e%2e', '/logs/..%2f..', '/logs/out', '/logs/%00']) {
      assert.equal((await get(path)).status, 404, path);
    }
  });

  it('answers unknown paths and exec without upgrade with an error', async () => {
    assert.equal((await get('/nope')).status, 404);
    assert.deepEqual(await get(execPath(['true'], 'output=1')), {
      status: 400,
      body: 'Upgrade request required',
    });
  });
});

describe('containerLogs', () => {
  it('passes the options on and sends the lines', async () => {
    const answer = await get('/containerLogs/default/web/main?tailLines=2&timestamps=true');
    assert.deepEqual(answer, { status: 200, body: 'two\nthree\n' });
    const [call] = access.calls as { options: { timestamps: boolean; follow: boolean } }[];
    assert.deepEqual([call?.options.timestamps, call?.options.follow], [true, false]);
  });

  it('tells what is wrong with the request in the status', async () => {
    assert.equal((await get('/containerLogs/default/web/other')).status, 404);
    assert.equal((await get('/containerLogs/default/web/main?tailLines=x')).status, 400);
    assert.equal((await get('/containerLogs/default/web')).status, 404);
  });

  it('follows until the reader leaves', async () => {
    const { certificate: cert, key } = pki.apiServerKubeletClient;
    const sent = request({
      host: '127.0.0.1',
      port: server.port,
      path: '/containerLogs/default/web/main?follow=true&tailLines=1',
      ca: pki.caCertificate,
      cert,
      key,
      agent: false,
    }).end();
    const [response] = await once(sent, 'response');
    assert.equal(String((await once(response, 'data'))[0]), 'three\n');
    access.log('four');
    assert.equal(String((await once(response, 'data'))[0]), 'four\n');
    sent.destroy();
  });
});

for (const protocol of ['v4.channel.k8s.io', 'v5.channel.k8s.io'] satisfies ChannelProtocol[]) {
  describe(`exec over ${protocol}`, () => {
    it('sends both outputs and the exit code', async () => {
      const socket = await open(
        execPath(['sh', '-c', 'echo out; echo err >&2; exit 7'], 'output=1&error=1'),
        [protocol],
      );
      assert.equal(accepted.get(socket), protocol);
      const { output, status, code } = await collect(socket);
      assert.equal(output.get(CHANNEL.stdout), 'out\n');
      assert.equal(output.get(CHANNEL.stderr), 'err\n');
      assert.equal(status.reason, 'NonZeroExitCode');
      assert.deepEqual(status.details?.causes, [{ reason: 'ExitCode', message: '7' }]);
      assert.equal(code, 1000);
    });

    it('tells success, and a signal as a shell does', async () => {
      const good = await collect(await open(execPath(['true'], 'output=1'), [protocol]));
      assert.equal(good.status.status, 'Success');
      const killed = await collect(await open(execPath(['sh', '-c', 'kill -9 $$'], 'output=1'), [protocol]));
      assert.equal(killed.status.details?.causes?.[0]?.message, '137');
    });

    it('tells on the error channel why a command cannot run', async () => {
      const { status } = await collect(await open(execPath(['/no/such/program'], 'output=1'), [protocol]));
      assert.equal(status.status, 'Failure');
      assert.match(status.message ?? '', /executable file not found/);
    });

    it('closes the session when the caller leaves', async () => {
      const socket = await open(execPath(['sh', '-c', 'echo ready; read line'], 'input=1&output=1'), [
        protocol,
      ]);
      await once(socket, 'message');
      socket.terminate();
      await until(() => access.closed > 0);
    });
  });
}

describe('exec', () => {
  it('carries much input and output unharmed, and the end of input in v5', async () => {
    const socket = await open(execPath(['cat'], 'input=1&output=1'), ['v5.channel.k8s.io']);
    const done = collect(socket);
    const sent = 'x'.repeat(3 << 20);
    for (let offset = 0; offset < sent.length; offset += 32_768) {
      socket.send(encodeChannelData(CHANNEL.stdin, Buffer.from(sent.slice(offset, offset + 32_768))));
    }
    socket.send(encodeChannelClose(CHANNEL.stdin));
    const { output, status } = await done;
    assert.equal(output.get(CHANNEL.stdout)?.length, sent.length);
    assert.equal(status.status, 'Success');
  });

  it('gives a terminal of the size that the caller tells', async () => {
    const socket = await open(execPath(['sh', '-c', 'read go; stty size'], 'input=1&output=1&tty=1'), [
      'v5.channel.k8s.io',
    ]);
    const done = collect(socket);
    socket.send(encodeChannelData(CHANNEL.resize, encodeTerminalSize({ columns: 123, rows: 45 })));
    socket.send(encodeChannelData(CHANNEL.stdin, Buffer.from('go\n')));
    const { output } = await done;
    assert.match(output.get(CHANNEL.stdout) ?? '', /45 123/);
  });

  it('prefers v5 when both are offered, and refuses others', async () => {
    const socket = await open(execPath(['true'], 'output=1'), ['v4.channel.k8s.io', 'v5.channel.k8s.io']);
    assert.equal(accepted.get(socket), 'v5.channel.k8s.io');
    await assert.rejects(open(execPath(['true'], 'output=1'), ['channel.k8s.io']), /400/);
  });

  it('attach ends well whatever the process does', async () => {
    access.mainCommand = ['sh', '-c', 'echo hello; exit 3'];
    const { output, status } = await collect(
      await open('/attach/default/web/main?output=1', ['v5.channel.k8s.io']),
    );
    assert.equal(output.get(CHANNEL.stdout), 'hello\n');
    assert.equal(status.status, 'Success');
  });
});

describe('portForward', () => {
  let echo: Awaited<ReturnType<typeof startEcho>>;
  before(async () => {
    echo = await startEcho();
  });
  after(() => echo.server.close());

  it('carries several connections at once, each with its half-closes', async () => {
    await using tunnel = await openTunnel();
    const results = await Promise.all(
      [1, 2, 3].map(async (id) => {
        const { data, error } = tunnel.request(echo.port, String(id));
        error.end();
        data.end(Buffer.alloc(300_000, id));
        return { got: await text(data), error: await text(error) };
      }),
    );
    results.forEach(({ got, error }, index) => {
      assert.equal(got.length, 300_000);
      assert.equal(got.charCodeAt(0), index + 1);
      assert.equal(error, '');
    });
  });

  it('tells on the error stream that nobody listens', async () => {
    await using tunnel = await openTunnel();
    const { data, error } = tunnel.request(1, '0');
    data.on('error', () => {});
    assert.match(await text(error), /error forwarding port 1 to pod web: .*ECONNREFUSED/);
  });

  it('closes the pod’s connection when the client resets the stream', async () => {
    await using tunnel = await openTunnel();
    const { data, error } = tunnel.request(echo.port, '0');
    data.write('hello');
    assert.equal(String((await once(data, 'data'))[0]), 'hello');
    const before = echo.closed();
    data.destroy();
    assert.equal(await text(error), '');
    await until(() => echo.closed() > before);
  });

  it('ends the tunnel when the bytes are not SPDY', async () => {
    const socket = await open('/portForward/default/web', [PORT_FORWARD_TUNNEL]);
    socket.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    const closed = once(socket, 'close');
    socket.on('message', () => {});
    // 'G' is a data frame of a huge stream and length: it must not be waited for.
    assert.equal((await closed)[0], 1002);
  });
});

async function openTunnel() {
  const socket = await open('/portForward/default/web', [PORT_FORWARD_TUNNEL]);
  const session = new SpdySession({
    role: 'client',
    send: (bytes) => new Promise((resolve) => socket.send(bytes, () => resolve())),
    setPaused: (paused) => (paused ? socket.pause() : socket.resume()),
    onStream: (stream) => stream.destroy(),
  });
  socket.on('message', (data: Buffer) => session.receive(data));
  const openStream = (type: string, port: number, id: string): SpdyStream =>
    session.open(
      new Map([
        ['streamtype', [type]],
        ['port', [String(port)]],
        ['requestid', [id]],
      ]),
    );
  return {
    request: (port: number, id: string) => ({
      error: openStream('error', port, id),
      data: openStream('data', port, id),
    }),
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, 'close');
      session.close();
    },
  };
}

async function startEcho() {
  let closed = 0;
  const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
    socket.pipe(socket);
    socket.on('error', () => {});
    socket.once('close', () => closed++);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port, closed: () => closed };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
