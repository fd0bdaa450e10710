import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { listenTcp, localAddress } from '#os/socket.ts';
import { HostProxy } from './host-proxy.ts';

/** Names that the fake cluster knows, by the port of a server of this test. */
const names = new Map<string, number>();

const dialer = {
  async dial(host: string): Promise<Socket> {
    const port = names.get(host);
    if (port === undefined) throw Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' });
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    await once(socket, 'connect');
    return socket;
  },
};

describe('HostProxy', () => {
  const fd = listenTcp({ address: '127.0.0.1', port: 0 });
  const { port } = localAddress(fd);
  const proxy = new HostProxy(fd, dialer);
  /** Sends back what it gets, and ends only after its client has. */
  const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  const web = createHttpServer((incoming, response) => {
    response.end(
      `${incoming.method} ${incoming.url} ${incoming.headers.host} ${String(incoming.headers['proxy-connection'])}`,
    );
  });

  before(async () => {
    for (const [name, server] of [
      ['echo', echo],
      ['web.default', web],
    ] as const) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      assert.ok(typeof address === 'object' && address !== null);
      names.set(name, address.port);
    }
    names.set('closed', 1);
  });
  after(() => {
    proxy[Symbol.dispose]();
    echo.close();
    web.close();
  });

  /** Writes bytes and reads until the other side ends. */
  async function exchange(...parts: (string | Uint8Array)[]): Promise<Buffer> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    for (const part of parts) {
      socket.write(part);
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.end();
    return Buffer.concat(await Array.fromAsync(socket as AsyncIterable<Buffer>));
  }

  function socksRequest(host: string): Uint8Array[] {
    const name = Buffer.from(host);
    return [
      Uint8Array.of(5, 1, 0),
      Buffer.concat([Uint8Array.of(5, 1, 0, 3, name.length), name, Uint8Array.of(0, 80)]),
    ];
  }

  it('carries SOCKS5 connections to names, also when the words come byte by byte', async () => {
    const bytes = Buffer.concat([...socksRequest('echo'), Buffer.from('hello')]);
    const answer = await exchange(...Array.from(bytes, (byte) => Uint8Array.of(byte)));
    assert.deepEqual([...answer.subarray(0, 4)], [5, 0, 5, 0]);
    assert.equal(answer.subarray(12).toString(), 'hello');
  });

  it('tells a SOCKS5 client that a name has no address', async () => {
    const answer = await exchange(...socksRequest('nobody'));
    assert.equal(answer[3], 4);
  });

  it('refuses SOCKS5 commands other than CONNECT, and clients without a method of ours', async () => {
    const udp = await exchange(Uint8Array.of(5, 1, 0), Uint8Array.of(5, 3, 0, 1, 0, 0, 0, 0, 0, 0));
    assert.equal(udp[3], 7);
    assert.deepEqual([...(await exchange(Uint8Array.of(5, 1, 2)))], [5, 0xff]);
  });

  it('tunnels by HTTP CONNECT, bytes sent along with it included', async () => {
    const answer = await exchange('CONNECT echo:80 HTTP/1.1\r\nHost: echo:80\r\n\r\nhello');
    assert.match(answer.toString(), /^HTTP\/1\.1 200 [^]*\r\n\r\nhello$/);
  });

  it('forwards plain requests without what concerns the proxy only', async () => {
    const headers = { host: 'web.default', 'proxy-connection': 'keep-alive' };
    const outgoing = request({ host: '127.0.0.1', port, path: 'http://web.default/a?b=c', headers });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [AsyncIterable<Buffer>];
    const text = Buffer.concat(await Array.fromAsync(response)).toString();
    assert.equal(text, 'GET /a?b=c web.default undefined');
  });

  it('answers 502 with the reason when it cannot connect', async () => {
    assert.match(
      (await exchange('GET http://nobody/ HTTP/1.0\r\n\r\n')).toString(),
      /^HTTP\/1\.1 502 [^]*nobody has no address/,
    );
    assert.match(
      (await exchange('CONNECT nobody:1 HTTP/1.1\r\nHost: nobody\r\n\r\n')).toString(),
      /^HTTP\/1\.1 502 [^]*nobody has no address/,
    );
  });

  it('answers 400 to a request that is not for a proxy', async () => {
    assert.match((await exchange('GET / HTTP/1.0\r\n\r\n')).toString(), /^HTTP\/1\.1 400 /);
  });
});
