import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { CLASS_IN, encodeQuery, HeaderFlag, RecordType } from '#wire/dns.ts';
import { prepareAnswer, respondEmpty } from '#wire/dns-answer.ts';
import { readQuery } from '#wire/dns-query.ts';
import { AnswerCounts } from './answer-counts.ts';
import { AnswerTable } from './answer-table.ts';
import type { ListenAddress } from './config.ts';
import { Fronts } from './fronts/fronts.ts';
import type { Client } from './handler.ts';
import { serveUdp } from './serve-udp.ts';
import type { Listener, QueryService } from './transport.ts';

/** So many that, where several sockets are served, none is left out. */
const CLIENTS = 20;
const NAME = ['web', 'default', 'svc', 'cluster', 'local'];

function queryOf(id: number, name: readonly string[] = NAME): Buffer {
  return encodeQuery(id, { name, type: RecordType.A, class: CLASS_IN }, HeaderFlag.RD);
}

function tableWithName(): AnswerTable {
  const query = readQuery(queryOf(0));
  assert.ok(!('rejected' in query));
  const data = { kind: 'address', address: '10.96.0.7' } as const;
  const answers = [{ name: NAME, type: RecordType.A, class: CLASS_IN, ttl: 30, data }];
  const prepared = prepareAnswer(NAME, { rcode: 0, answers, authorities: [], additionals: [] });
  const table = new AnswerTable();
  table.set(query, { prepared, flags: HeaderFlag.AA, counts: new AnswerCounts() });
  return table;
}

/** A service that repeats the question: at once, later for names that begin with `late`, never for `drop`. */
function echo(table?: AnswerTable): QueryService & { clients: Client[] } {
  const clients: Client[] = [];
  const answer: QueryService['answer'] = (message, client) => {
    clients.push(client);
    const query = readQuery(message);
    if ('rejected' in query) return undefined;
    const response = respondEmpty(message, query.questionEnd, 0, query.edns);
    if (query.key.startsWith('\x04drop')) return undefined;
    if (!query.key.startsWith('\x04late')) return response;
    return new Promise((resolve) => {
      setTimeout(() => resolve(response), 20);
    });
  };
  return { table, answer, clients };
}

/** Sends queries from several ports; resolves with the responses by ID once there are as many as expected. */
async function exchange(
  { address, port }: { address: string; port: number },
  queries: readonly Buffer[],
  expected = queries.length,
): Promise<Map<number, Buffer>> {
  const responses = new Map<number, Buffer>();
  const done = Promise.withResolvers<void>();
  const sockets = Array.from({ length: CLIENTS }, () => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    return socket.on('message', (message) => {
      responses.set(message.readUInt16BE(0), message);
      if (responses.size >= expected) done.resolve();
    });
  });
  for (const [i, query] of queries.entries()) sockets[i % CLIENTS]?.send(query, port, address);
  await done.promise;
  for (const socket of sockets) socket.close();
  return responses;
}

/** The batch path with one more thread. */
async function serveWithFronts(listen: ListenAddress, service: QueryService): Promise<Listener> {
  await using stack = new AsyncDisposableStack();
  const { address, share } = stack.use(await serveUdp(listen, service, { path: 'batch' }));
  assert.ok(share !== undefined);
  const fronts = stack.use(new Fronts({ log: assert.fail }));
  const servers = [{ table: service.table ?? new AnswerTable(), shares: [share], sockets: 2 }];
  await fronts.start(servers);
  await fronts.set(servers);
  const owned = stack.move();
  return { address, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

type Serve = (listen: ListenAddress, service: QueryService) => Promise<Listener>;
const WAYS: Readonly<Record<string, Serve>> = {
  batch: (listen, service) => serveUdp(listen, service, { path: 'batch' }),
  portable: (listen, service) => serveUdp(listen, service, { path: 'portable' }),
  fronts: serveWithFronts,
};

/** What every way to serve UDP has to do. */
for (const [path, serve] of Object.entries(WAYS)) {
  for (const address of ['127.0.0.1', '::1']) {
    const where = { address, port: 0 };

    test(`${path} ${address}: every query of a burst is answered once, from the table or by the chain`, async () => {
      await using server = await serve(where, echo(tableWithName()));
      const queries = Array.from({ length: 150 }, (_, id) =>
        queryOf(id, id % 3 === 0 ? NAME : [id % 3 === 1 ? 'late' : 'soon', `n${id}`]),
      );
      const responses = await exchange(server.address, queries);
      for (const [id, response] of responses) {
        assert.equal(response.readUInt16BE(6), id % 3 === 0 ? 1 : 0, `answers of query ${id}`);
        assert.ok((response[2] ?? 0) & 0x80);
      }
    });

    test(`${path} ${address}: the chain is told who asks, and may say nothing`, async () => {
      const service = echo();
      await using server = await serve(where, service);
      const responses = await exchange(
        server.address,
        [queryOf(1, ['drop', 'x']), Buffer.from('no DNS'), queryOf(2, ['x'])],
        1,
      );
      assert.deepEqual([...responses.keys()], [2]);
      const [client] = service.clients;
      assert.equal(client?.transport, 'udp');
      assert.equal(client?.address, address);
      assert.equal(client?.family, address === '::1' ? 6 : 4);
      assert.deepEqual(client?.local, server.address);
    });
  }

  test(`${path}: a wildcard takes queries to any address of its family`, async () => {
    await using server = await serve({ address: '0.0.0.0', port: 0 }, echo(tableWithName()));
    const { port } = server.address;
    for (const asked of ['127.0.0.1', '127.0.0.2'])
      assert.equal((await exchange({ address: asked, port }, [queryOf(1)])).size, 1);
  });

  test(`${path}: a port that is taken is an error that says so, one that was given back is free`, async () => {
    const first = await serve({ address: '127.0.0.1', port: 0 }, echo());
    await assert.rejects(serve(first.address, echo()), {
      code: 'EADDRINUSE',
      message: new RegExp(`UDP 127.0.0.1 port ${first.address.port}: another program has the port`),
    });
    await first[Symbol.asyncDispose]();
    await using again = await serve(first.address, echo());
    assert.deepEqual(again.address, first.address);
  });

  test(`${path}: an answer that comes after the end is dropped`, async () => {
    const server = await serve({ address: '127.0.0.1', port: 0 }, echo());
    await exchange(server.address, [queryOf(1, ['late', 'x']), queryOf(2, ['x'])], 1);
    await server[Symbol.asyncDispose]();
    await new Promise((resolve) => setTimeout(resolve, 40));
  });
}

for (const path of ['batch', 'portable'] as const) {
  test(`${path}: listeners with reusePort share an address`, async () => {
    const options = { path, reusePort: true };
    await using first = await serveUdp({ address: '127.0.0.1', port: 0 }, echo(), options);
    await using second = await serveUdp(first.address, echo(), options);
    assert.deepEqual(second.address, first.address);
  });
}
