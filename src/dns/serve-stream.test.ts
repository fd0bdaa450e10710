import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { makeCertificate } from '#test/support/certificate.ts';
import { CLASS_IN, encodeQuery, HeaderFlag, RecordType } from '#wire/dns.ts';
import { prepareAnswer, respondEmpty } from '#wire/dns-answer.ts';
import { readQuery } from '#wire/dns-query.ts';
import { DnsFrameReader, frameMessage } from '#wire/dns-tcp.ts';
import { AnswerCounts } from './answer-counts.ts';
import { AnswerTable } from './answer-table.ts';
import type { StreamLimits } from './connections.ts';
import type { Client } from './handler.ts';
import { serveTcp } from './serve-tcp.ts';
import { serveTls } from './serve-tls.ts';
import type { Listener, QueryService } from './transport.ts';

const NAME = ['web', 'default', 'svc', 'cluster', 'local'];
const WHERE = { address: '127.0.0.1', port: 0 };
const LARGE = 60_000;
const certificate = await makeCertificate();

function queryOf(id: number, first: string): Buffer {
  return encodeQuery(id, { name: [first, 'x'], type: RecordType.A, class: CLASS_IN }, HeaderFlag.RD);
}

/**
 * Answers by the first label: `late` after 30 ms, `never` never, `drop` with nothing, `large` with 60,000
 * bytes, `three` with three messages, all others at once.
 */
function service(table?: AnswerTable): QueryService & { clients: Client[] } {
  const clients: Client[] = [];
  const answer: QueryService['answer'] = (message, client) => {
    clients.push(client);
    const query = readQuery(message);
    if ('rejected' in query) return undefined;
    const response = respondEmpty(message, query.questionEnd, 0, query.edns);
    const label = query.key.slice(1, 1 + query.key.charCodeAt(0));
    if (label === 'drop') return undefined;
    if (label === 'never') return new Promise(() => undefined);
    if (label === 'three') return [response, response, response];
    if (label === 'large') return Buffer.concat([response, Buffer.alloc(LARGE - response.length)]);
    if (label !== 'late') return response;
    return new Promise((resolve) => {
      setTimeout(() => resolve(response), 30);
    });
  };
  return { table, answer, clients };
}

/** A connection with the IDs of what came back on it. */
class Connection implements Disposable {
  readonly socket: Socket;
  readonly ids: number[] = [];
  readonly closed: Promise<unknown>;

  constructor(socket: Socket) {
    const reader = new DnsFrameReader();
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => undefined);
    socket.on('data', (piece: Buffer) => {
      for (const message of reader.push(piece)) this.ids.push(message.readUInt16BE(0));
    });
  }

  send(...messages: Buffer[]): void {
    this.socket.write(Buffer.concat(messages.map(frameMessage)));
  }

  async received(count: number): Promise<number[]> {
    while (this.ids.length < count) await once(this.socket, 'data');
    return this.ids;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

interface StreamKind {
  readonly name: string;
  readonly serve: (service: QueryService, limits?: Partial<StreamLimits>) => Promise<Listener>;
  readonly connect: (port: number) => Connection;
}

const KINDS: StreamKind[] = [
  {
    name: 'tcp',
    serve: (queries, limits) => serveTcp(WHERE, queries, { limits }),
    connect: (port) => new Connection(connectTcp(port, WHERE.address)),
  },
  {
    name: 'tls',
    serve: (queries, limits) => serveTls(WHERE, queries, certificate, { limits }),
    connect: (port) =>
      new Connection(connectTls({ port, host: WHERE.address, ca: certificate.cert, ALPNProtocols: ['dot'] })),
  },
];

/** What every way to serve DNS over a stream has to do. */
for (const { name, serve, connect } of KINDS) {
  test(`${name}: queries sent at once are all answered, those that take time after the others`, async () => {
    const queries = service();
    await using server = await serve(queries);
    using connection = connect(server.address.port);
    connection.send(
      queryOf(1, 'late'),
      queryOf(2, 'soon'),
      queryOf(3, 'drop'),
      queryOf(4, 'soon'),
      queryOf(5, 'three'),
    );
    assert.deepEqual(await connection.received(6), [2, 4, 5, 5, 5, 1]);
    const [client] = queries.clients;
    assert.equal(client?.transport, name);
    assert.equal(client?.address, '127.0.0.1');
    assert.equal(client?.port, connection.socket.localPort);
    assert.deepEqual(client?.local, server.address);
  });

  test(`${name}: a query may come byte by byte`, async () => {
    await using server = await serve(service());
    using connection = connect(server.address.port);
    connection.socket.setNoDelay(true);
    for (const byte of frameMessage(queryOf(7, 'soon'))) connection.socket.write(Uint8Array.of(byte));
    assert.deepEqual(await connection.received(1), [7]);
  });

  test(`${name}: prepared answers are given as the table has them`, async () => {
    const message = encodeQuery(9, { name: NAME, type: RecordType.A, class: CLASS_IN }, 0);
    const query = readQuery(message);
    assert.ok(!('rejected' in query));
    const table = new AnswerTable();
    const prepared = prepareAnswer(NAME, { rcode: 3, answers: [], authorities: [], additionals: [] });
    const entry = table.set(query, { prepared, flags: 0, counts: new AnswerCounts() });
    const queries = service(table);
    await using server = await serve(queries);
    using connection = connect(server.address.port);
    connection.send(message, queryOf(10, 'soon'));
    assert.deepEqual(await connection.received(2), [9, 10]);
    assert.equal(entry?.hits, 1);
    assert.equal(queries.clients.length, 1);
  });

  test(`${name}: who says nothing, goes quiet, or stops within a query is cut off`, async () => {
    await using server = await serve(service(), { readMs: 40, idleMs: 80 });
    using silent = connect(server.address.port);
    using quiet = connect(server.address.port);
    quiet.send(queryOf(1, 'soon'));
    using partial = connect(server.address.port);
    partial.socket.write(frameMessage(queryOf(1, 'soon')).subarray(0, 10));
    await Promise.all([silent.closed, quiet.closed, partial.closed]);
    assert.deepEqual([silent.ids, quiet.ids, partial.ids], [[], [1], []]);
  });

  test(`${name}: an answer on its way is waited for, however long the client has been quiet`, async () => {
    await using server = await serve(service(), { readMs: 10, idleMs: 10 });
    using connection = connect(server.address.port);
    await once(connection.socket, name === 'tls' ? 'secureConnect' : 'connect');
    connection.send(queryOf(1, 'late'));
    await connection.closed;
    assert.deepEqual(connection.ids, [1]);
  });

  test(`${name}: who does not read is not read from, and cut off in the end`, async () => {
    const queries = service();
    await using server = await serve(queries, { writeMs: 100 });
    using connection = connect(server.address.port);
    connection.socket.pause();
    const many = Array.from({ length: 2000 }, (_, id) => queryOf(id, 'large'));
    for (let at = 0; at < many.length; at += 10) {
      connection.send(...many.slice(at, at + 10));
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Only who writes learns that the other side is gone.
    while (!connection.socket.destroyed) {
      connection.send(queryOf(1, 'soon'));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.ok(queries.clients.length < 500, `${queries.clients.length} of 2000 answered for nobody`);
  });

  test(`${name}: no more than maxPipelined queries of a connection are worked on`, async () => {
    const queries = service();
    await using server = await serve(queries, { maxPipelined: 4, idleMs: 5000 });
    using connection = connect(server.address.port);
    await once(connection.socket, name === 'tls' ? 'secureConnect' : 'connect');
    connection.send(...Array.from({ length: 50 }, (_, id) => queryOf(id, 'never')));
    while (queries.clients.length < 4) await new Promise((resolve) => setTimeout(resolve, 1));
    connection.send(queryOf(50, 'never'));
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(queries.clients.length, 4);
  });

  test(`${name}: one connection too many takes the place of the quietest`, async () => {
    await using server = await serve(service(), { maxConnections: 2 });
    using first = connect(server.address.port);
    first.send(queryOf(1, 'soon'));
    await first.received(1);
    using second = connect(server.address.port);
    second.send(queryOf(2, 'soon'));
    await second.received(1);
    first.send(queryOf(3, 'soon'));
    await first.received(2);
    using third = connect(server.address.port);
    third.send(queryOf(4, 'soon'));
    await third.received(1);
    await second.closed;
    first.send(queryOf(5, 'soon'));
    assert.deepEqual(await first.received(3), [1, 3, 5]);
  });

  test(`${name}: less than a header is no DNS and ends the connection`, async () => {
    await using server = await serve(service());
    using connection = connect(server.address.port);
    connection.send(Buffer.alloc(5));
    await connection.closed;
    assert.deepEqual(connection.ids, []);
  });

  test(`${name}: a port that is taken is an error that says so; the end closes connections`, async () => {
    const server = await serve(service());
    using connection = connect(server.address.port);
    connection.send(queryOf(1, 'soon'));
    await connection.received(1);
    await assert.rejects(serveTcp(server.address, service()), { code: 'EADDRINUSE' });
    await server[Symbol.asyncDispose]();
    await connection.closed;
  });
}

test('tls: a client that speaks no TLS is cut off, without harm to others', async () => {
  await using server = await serveTls(WHERE, service(), certificate, { limits: { readMs: 100 } });
  using plain = new Connection(connectTcp(server.address.port, WHERE.address));
  plain.send(queryOf(1, 'soon'));
  await plain.closed;
  using silent = new Connection(connectTcp(server.address.port, WHERE.address));
  await silent.closed;
  assert.deepEqual(plain.ids, []);
});
