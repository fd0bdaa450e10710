import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { AnswerCounts } from '#dns/answer-counts.ts';
import { AnswerTable } from '#dns/answer-table.ts';
import type { Client } from '#dns/handler.ts';
import { serveUdp } from '#dns/serve-udp.ts';
import type { QueryService, UdpShare } from '#dns/transport.ts';
import { CLASS_IN, decodeMessage, encodeQuery, RecordType } from '#wire/dns.ts';
import { type PreparedAnswer, prepareAnswer, respondEmpty, retire } from '#wire/dns-answer.ts';
import { type DnsQuery, readQuery } from '#wire/dns-query.ts';
import { Fronts } from './fronts.ts';

const NAME = ['web', 'default', 'svc', 'cluster', 'local'];
/** So many source ports that each of a few sockets certainly gets some. */
const CLIENTS = 60;

function queryOf(name: readonly string[] = NAME): DnsQuery {
  const query = readQuery(encodeQuery(7, { name, type: RecordType.A, class: CLASS_IN }, 0));
  assert.ok(!('rejected' in query));
  return query;
}

function answerWith(address: string): PreparedAnswer {
  const data = { kind: 'address', address } as const;
  const answers = [{ name: NAME, type: RecordType.A, class: CLASS_IN, ttl: 30, data }];
  return prepareAnswer(NAME, { rcode: 0, answers, authorities: [], additionals: [] });
}

/** One address in an answer; undefined: none at all. */
async function ask(port: number, query: DnsQuery = queryOf()): Promise<string | undefined> {
  const socket = createSocket('udp4');
  socket.send(query.message, port, '127.0.0.1');
  const [response] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  const [first] = decodeMessage(response).answers;
  return first?.data.kind === 'address' ? first.data.address : undefined;
}

/** The address that the response to a query comes from. */
async function sourceOf(port: number, address: string, query: DnsQuery = queryOf()): Promise<string> {
  const socket = createSocket('udp4');
  socket.send(query.message, port, address);
  const [, peer] = (await once(socket, 'message')) as [Buffer, RemoteInfo];
  socket.close();
  return peer.address;
}

/** What clients at so many ports are told at the same time. */
function askAll(port: number, query?: DnsQuery): Promise<(string | undefined)[]> {
  return Promise.all(Array.from({ length: CLIENTS }, () => ask(port, query)));
}

/** A listener whose chain says nothing but how often it was asked, with two threads beside it. */
async function start(
  t: TestContext,
  {
    address = '127.0.0.1',
    pinSource = false,
    ...options
  }: { address?: string; pinSource?: boolean; minLifeMs?: number } = {},
) {
  const table = new AnswerTable();
  const counts = new AnswerCounts();
  const tally = { value: 0 };
  const chain = { asked: 0 };
  const clients: Client[] = [];
  const service: QueryService = {
    table,
    answer(message, client) {
      clients.push(client);
      chain.asked++;
      return respondEmpty(message, message.length, 0, undefined);
    },
  };
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const listener = stack.use(await serveUdp({ address, port: 0 }, service, { path: 'batch' }));
  const share = listener.share ?? assert.fail('not to be shared');
  const log: string[] = [];
  const fronts = stack.use(new Fronts({ log: (message) => log.push(message), ...options }));
  const shares: UdpShare[] = [pinSource ? { ...share, pinSource } : share];
  const use = async (sockets: number): Promise<void> => {
    await fronts.start([{ sockets }]);
    await fronts.set([{ table, shares, sockets }]);
  };
  await use(3);
  const put = (prepared: PreparedAnswer) =>
    table.set(queryOf(), { prepared, flags: 0, counts, tallies: [tally] });
  return { table, counts, tally, chain, clients, fronts, log, use, put, port: listener.address.port };
}

const given = ({ requests }: AnswerCounts): number => requests.reduce((sum, count) => sum + count, 0);

test('every front gives an answer itself that its clients have asked for once', async (t) => {
  const { put, port, counts, chain } = await start(t);
  const entry = put(answerWith('10.96.0.7'));
  for (let round = 0; round < 3; round++)
    assert.deepEqual(new Set(await askAll(port)), new Set(['10.96.0.7']));
  assert.equal(chain.asked, 0);
  const [main, ...fronts] = counts.parts.map(given);
  assert.equal(fronts.length, 2);
  for (const front of fronts) assert.ok(front > 0, `${front} by a front`);
  assert.equal((main ?? 0) + fronts.reduce((sum, count) => sum + count, 0), 3 * CLIENTS);
  assert.equal(entry?.hits, 3 * CLIENTS);
});

test('tallies, and the counts of durations, have every answer of every thread', async (t) => {
  const { put, port, counts, tally, fronts } = await start(t);
  put(answerWith('10.96.0.7'));
  for (let round = 1; round < 4; round++) {
    await askAll(port);
    fronts.collect();
    assert.equal(tally.value, round * CLIENTS);
  }
  const timed = (): number =>
    counts.parts.flatMap(({ durations }) => [...durations]).reduce((sum, count) => sum + count, 0);
  // They are counted when the answers are on their way.
  while (timed() < 3 * CLIENTS) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(timed(), 3 * CLIENTS);
});

test('an answer that was taken back is given by no front any more, nor one that had its slot before', async (t) => {
  const { put, port, chain } = await start(t);
  for (let change = 1; change < 10; change++) {
    const prepared = answerWith(`10.96.0.${change}`);
    put(prepared);
    for (let round = 0; round < 2; round++)
      assert.deepEqual(new Set(await askAll(port)), new Set([`10.96.0.${change}`]));
    retire(prepared);
    if (change % 3 > 0) continue;
    const { asked } = chain;
    assert.deepEqual(new Set(await askAll(port)), new Set([undefined]));
    assert.equal(chain.asked, asked + CLIENTS);
  }
});

test('batches tells of every time that queries came, whoever answered them', async (t) => {
  const { put, port, fronts, counts } = await start(t);
  assert.equal(fronts.batches, 0);
  put(answerWith('10.96.0.7'));
  for (let round = 0; round < 2; round++) await askAll(port);
  const { batches } = fronts;
  const byFronts = counts.parts.slice(1).reduce((sum, part) => sum + given(part), 0);
  assert.ok(batches >= 2 && batches <= byFronts + CLIENTS, `${batches} batches`);
});

test('answers leave from the address that was asked, whether a front has them or not', async (t) => {
  const { put, port, counts, clients } = await start(t, { address: '0.0.0.0', pinSource: true });
  put(answerWith('10.96.0.7'));
  const askedAt2 = async (query?: DnsQuery): Promise<number> => {
    const sources = await Promise.all(
      Array.from({ length: CLIENTS }, () => sourceOf(port, '127.0.0.2', query)),
    );
    return sources.filter((source) => source === '127.0.0.2').length;
  };
  await askedAt2();
  const byFronts = (): number => counts.parts.slice(1).reduce((sum, part) => sum + given(part), 0);
  const before = byFronts();
  const pinned = await askedAt2();
  assert.ok(pinned > 0);
  assert.equal(pinned, byFronts() - before);
  const handedOver = await askedAt2(queryOf(['nobody', 'example']));
  assert.ok(handedOver > 0);
  assert.equal(handedOver, clients.filter(({ local }) => local.address === '127.0.0.2').length);
});

test('an answer in the tables of two servers is taken back from the fronts of both', async (t) => {
  const servers = [await start(t), await start(t)];
  const prepared = answerWith('10.96.0.7');
  for (const { put } of servers) put(prepared);
  for (let round = 0; round < 2; round++)
    for (const { port } of servers) assert.deepEqual(new Set(await askAll(port)), new Set(['10.96.0.7']));
  retire(prepared);
  for (const { port } of servers) assert.deepEqual(new Set(await askAll(port)), new Set([undefined]));
});

test('an emptied table is empty in every front', async (t) => {
  const { table, put, port } = await start(t);
  put(answerWith('10.96.0.7'));
  for (let round = 0; round < 2; round++) await askAll(port);
  table.clear();
  assert.deepEqual(new Set(await askAll(port)), new Set([undefined]));
});

test('an answer ends in every front when it has to, and its TTL counts down until then', async (t) => {
  const { table, port, counts } = await start(t);
  const fromMs = Date.now();
  const untilMs = fromMs + 300;
  const lifetime = { fromMs, seconds: 8 };
  table.set(queryOf(), { prepared: answerWith('10.96.0.7'), flags: 0, counts, untilMs, lifetime });
  while (Date.now() < untilMs - 50) await askAll(port);
  assert.ok(counts.parts.every((part) => given(part) > 0));
  while (Date.now() <= untilMs) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(new Set(await askAll(port)), new Set([undefined]));
});

test('threads come and go without losing a query', async (t) => {
  const { put, port, use, fronts } = await start(t);
  put(answerWith('10.96.0.7'));
  for (const sockets of [3, 2, 1, 3, 1]) {
    const asked = Array.from({ length: 5 }, () => askAll(port));
    await use(sockets);
    assert.equal(fronts.running.length, sockets - 1);
    for (const answers of await Promise.all(asked)) assert.equal(answers.length, CLIENTS);
    assert.deepEqual(new Set(await askAll(port)), new Set(['10.96.0.7']));
  }
});

test('a thread that ends by a failure is replaced by one that answers what waited in its socket', async (t) => {
  const { put, port, fronts, log, counts } = await start(t, { minLifeMs: 0 });
  put(answerWith('10.96.0.7'));
  await askAll(port);
  const before = counts.parts.reduce((sum, part) => sum + given(part), 0);
  await Promise.all(fronts.running.map((front) => front.kill()));
  assert.equal(fronts.running.length, 2);
  assert.deepEqual(new Set(await askAll(port)), new Set(['10.96.0.7']));
  for (const number of [1, 2])
    assert.ok(
      log.some((line) => line.startsWith(`multisocket: thread ${number} ended (`)),
      log.join('\n'),
    );
  await askAll(port);
  assert.equal(
    counts.parts.reduce((sum, part) => sum + given(part), 0),
    before + 2 * CLIENTS,
  );
});

test('the sockets of a thread that ends soon after its start are closed, and it is started by the next reload', async (t) => {
  const { put, port, fronts, log, use } = await start(t, { minLifeMs: 60_000 });
  put(answerWith('10.96.0.7'));
  await fronts.running[1]?.kill();
  assert.equal(fronts.running.length, 1);
  assert.match(
    log.join('\n'),
    /^multisocket: thread 2 ended soon after its start \(.*\); its sockets are closed/,
  );
  assert.deepEqual(new Set(await askAll(port)), new Set(['10.96.0.7']));
  await use(3);
  assert.equal(fronts.running.length, 2);
  assert.deepEqual(new Set(await askAll(port)), new Set(['10.96.0.7']));
});
