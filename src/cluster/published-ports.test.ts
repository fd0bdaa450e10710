import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { openHostSocket } from './host-ports.ts';
import type { HostSocketRequest } from './messages.ts';
import type { WantedPort } from './plan-publish.ts';
import { type OpenedSocket, PublishedPorts } from './published-ports.ts';
import type { PublishedPort } from './status.ts';

await enterTestNamespace();

const NODES = ['127.7.0.11', '127.7.0.12'].map((hostAddress, index) => ({
  hostAddress,
  addresses: [`127.9.0.${11 + index}`],
}));

/** Opens what an ordinary user may. */
function openAsUser(request: HostSocketRequest): OpenedSocket {
  return request.port < 1024 ? { code: 'EACCES' } : openHostSocket(request);
}

/** What is published after each change: `next()` waits for the change after the last one seen. */
function publisher(open: (request: HostSocketRequest) => OpenedSocket) {
  let changed = Promise.withResolvers<readonly PublishedPort[]>();
  const ports = new PublishedPorts({
    nodes: NODES,
    openSocket: async (request) => open(request),
    onChange: async (published) => changed.resolve(published),
  });
  return async (wanted: readonly WantedPort[]): Promise<readonly PublishedPort[]> => {
    changed = Promise.withResolvers();
    ports.set(wanted);
    return changed.promise;
  };
}

function tcp(nodePort: number): WantedPort {
  return { service: 'default/web', portName: undefined, protocol: 'TCP', nodePort };
}

function ask(host: string, port: number): Promise<string> {
  return text(connect({ host, port }));
}

describe('PublishedPorts', () => {
  it('opens the port on the address of every node, and leads to that node', async () => {
    const publish = publisher(openAsUser);
    const servers = await Promise.all(NODES.map(({ addresses: [address = ''] }) => greet(address, 30080)));
    const [port] = await publish([tcp(30080)]);
    assert.equal(port?.problem, undefined);
    assert.equal(port?.hostPort, 30080);
    assert.equal(await ask('127.7.0.11', 30080), 'from 127.9.0.11');
    assert.equal(await ask('127.7.0.12', 30080), 'from 127.9.0.12');
    assert.deepEqual(await publish([]), []);
    await assert.rejects(ask('127.7.0.11', 30080), { code: 'ECONNREFUSED' });
    for (const server of servers) server.close();
  });

  it('moves a port that the user may not open 10000 higher, on every node', async () => {
    const publish = publisher(openAsUser);
    const servers = await Promise.all(NODES.map(({ addresses: [address = ''] }) => greet(address, 80)));
    const [port] = await publish([tcp(80)]);
    assert.deepEqual(port, { ...tcp(80), hostPort: 10080, problem: undefined });
    assert.equal(await ask('127.7.0.11', 10080), 'from 127.9.0.11');
    assert.equal(await ask('127.7.0.12', 10080), 'from 127.9.0.12');
    await publish([]);
    for (const server of servers) server.close();
  });

  it('says which address has a port that is taken', async () => {
    const publish = publisher(({ protocol, address, port }) =>
      address === '127.7.0.12' ? { code: 'EADDRINUSE' } : openHostSocket({ protocol, address, port }),
    );
    const [port] = await publish([tcp(30081)]);
    assert.equal(port?.problem, '127.7.0.12:30081: EADDRINUSE');
    await publish([]);
  });
});

/** A server that says where it listens and hangs up. */
async function greet(host: string, port: number) {
  const server = createServer((socket) => socket.end(`from ${host}`));
  await new Promise<void>((resolve) => {
    server.listen(port, host, resolve);
  });
  return server;
}
