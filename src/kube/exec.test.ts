import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { CHANNEL } from '#wire/channel-protocol.ts';
import { ConnectionError } from './errors.ts';
import { execInPod } from './exec.ts';

/** A server whose every session says `frames`, channel by channel, and ends. */
async function startServer(frames: readonly (readonly [channel: number, text: string])[]) {
  const requests: IncomingMessage[] = [];
  const server = createServer();
  const sockets = new WebSocketServer({ server, handleProtocols: () => 'v5.channel.k8s.io' });
  sockets.on('connection', (socket, request) => {
    requests.push(request);
    for (const [channel, text] of frames)
      socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
    socket.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, requests, [Symbol.dispose]: () => void server.close() };
}

const REQUEST = { namespace: 'a', pod: 'p', command: ['echo', 'a b'] };

test('execInPod() shows a token that is asked for anew each time, and gives output and exit code', async () => {
  using server = await startServer([
    [CHANNEL.stdout, 'out'],
    [CHANNEL.stderr, 'err'],
    [CHANNEL.error, '{"status":"Failure","details":{"causes":[{"reason":"ExitCode","message":"7"}]}}'],
  ]);
  let asked = 0;
  const config = { server: server.url, token: 'old', tokenSource: () => `token-${++asked}` };
  assert.deepEqual(await execInPod(config, REQUEST), { stdout: 'out', stderr: 'err', exitCode: 7 });
  const [request] = server.requests;
  assert.equal(request?.headers.authorization, 'Bearer token-1');
  assert.match(
    request?.url ?? '',
    /^\/api\/v1\/namespaces\/a\/pods\/p\/exec\?command=echo&command=a(\+|%20)b&/,
  );
});

test('execInPod() rejects when the session ends before the command', async () => {
  using server = await startServer([[CHANNEL.stdout, 'out']]);
  await assert.rejects(execInPod({ server: server.url }, REQUEST), ConnectionError);
});
