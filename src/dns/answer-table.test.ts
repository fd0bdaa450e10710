import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  CLASS_IN,
  type DnsMessage,
  type DnsRecord,
  decodeMessage,
  encodeQuery,
  HeaderFlag,
  RecordType,
} from '#wire/dns.ts';
import { type PreparedAnswer, prepareAnswer, respond, retire } from '#wire/dns-answer.ts';
import { type DnsQuery, readQuery } from '#wire/dns-query.ts';
import { AnswerCounts, laneOf } from './answer-counts.ts';
import { AnswerTable } from './answer-table.ts';
import type { TableAnswer } from './kept-answer.ts';

const NAME = ['web', 'default', 'svc', 'cluster', 'local'];
const UDP = laneOf('udp', 4);

function queryBytes(
  name: readonly string[],
  type: number = RecordType.A,
  udpSize?: number,
  dnssecOk = false,
): Buffer {
  const edns = udpSize === undefined ? undefined : { udpSize, extendedRcode: 0, version: 0, dnssecOk };
  return encodeQuery(0x1234, { name, type, class: CLASS_IN }, HeaderFlag.RD, edns);
}

function read(message: Buffer): DnsQuery {
  const query = readQuery(message);
  assert.ok(!('rejected' in query));
  return query;
}

function addresses(count: number, ttl = 30): DnsRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    name: NAME,
    type: RecordType.A,
    class: CLASS_IN,
    ttl,
    data: { kind: 'address', address: `10.0.${i >> 8}.${i & 255}` },
  }));
}

function prepared(count: number, ttl?: number): PreparedAnswer {
  return prepareAnswer(NAME, { rcode: 0, answers: addresses(count, ttl), authorities: [], additionals: [] });
}

function tableWith(answer: Partial<TableAnswer> & { prepared: PreparedAnswer }): {
  table: AnswerTable;
  counts: AnswerCounts;
} {
  const counts = new AnswerCounts();
  const table = new AnswerTable({ maxUdpBytes: 1232 });
  table.set(read(queryBytes(NAME)), { flags: HeaderFlag.AA, counts, ...answer });
  return { table, counts };
}

/** What the table says to a query; undefined: nothing. */
function ask(table: AnswerTable, query: Buffer, lane = UDP): Buffer | undefined {
  const bytes = Buffer.alloc(4096, 0xee);
  const start = 100;
  query.copy(bytes, start);
  table.startBatch();
  const length = table.answer(bytes, start, query.length, 2048, lane);
  table.settle();
  assert.ok(
    bytes.subarray(0, start).every((byte) => byte === 0xee),
    'bytes before the query stay',
  );
  if (length < 0) {
    assert.deepEqual(bytes.subarray(start, start + query.length), query, 'a query not answered stays');
    return undefined;
  }
  return Buffer.from(bytes.subarray(start, start + length));
}

function asked(table: AnswerTable, query: Buffer): DnsMessage {
  const response = ask(table, query);
  assert.ok(response !== undefined);
  return decodeMessage(response);
}

test('answer() gives the bytes that respond() gives, for any case, EDNS and DO', () => {
  const mixedCase = fc.array(fc.boolean(), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(mixedCase, fc.option(fc.nat(0xffff)), fc.boolean(), (upper, size, dnssecOk) => {
      const name = NAME.map((label, i) => (upper[i] === true ? label.toUpperCase() : label));
      const query = queryBytes(name, RecordType.A, size ?? undefined, dnssecOk);
      const { table } = tableWith({ prepared: prepared(3) });
      assert.deepEqual(ask(table, query), respond(read(query), prepared(3), HeaderFlag.AA, 4096));
    }),
  );
});

test('answer() leaves other names, other types, other classes and unusual messages to the chain', () => {
  const { table } = tableWith({ prepared: prepared(1) });
  assert.equal(ask(table, queryBytes(['other', ...NAME.slice(1)])), undefined);
  assert.equal(ask(table, queryBytes(NAME, RecordType.AAAA)), undefined);
  assert.equal(ask(table, encodeQuery(1, { name: NAME, type: RecordType.A, class: 3 }, 0)), undefined);
  const changed = (offset: number, byte: number): Buffer => {
    const query = queryBytes(NAME, RecordType.A, 1232);
    query[offset] = byte;
    return query;
  };
  const optAt = queryBytes(NAME).length;
  for (const query of [
    changed(2, 0x80),
    changed(2, 0x28),
    changed(5, 2),
    changed(7, 1),
    changed(11, 2),
    changed(optAt + 6, 1),
  ])
    assert.equal(ask(table, query), undefined);
});

test('answer() leaves what does not fit the client, or the limit of the server, to the chain', () => {
  const { table } = tableWith({ prepared: prepared(40) });
  assert.equal(ask(table, queryBytes(NAME)), undefined, '512 bytes without EDNS');
  assert.equal(asked(table, queryBytes(NAME, RecordType.A, 1000)).answers.length, 40);
  const large = tableWith({ prepared: prepared(80) }).table;
  assert.equal(ask(large, queryBytes(NAME, RecordType.A, 4096)), undefined, '1232 bytes at most');
  assert.equal(ask(large, queryBytes(NAME), laneOf('tcp', 4))?.length, queryBytes(NAME).length + 80 * 16);
});

test('answer() serves addresses in turn', () => {
  const { table } = tableWith({ prepared: prepared(3) });
  const firsts = [1, 2, 3, 4].map(() => JSON.stringify(asked(table, queryBytes(NAME)).answers[0]?.data));
  assert.equal(new Set(firsts).size, 3);
  assert.equal(firsts[3], firsts[0]);
});

test('answer() forgets what its owner took back', () => {
  const answer = prepared(1);
  const { table } = tableWith({ prepared: answer });
  assert.equal(table.size, 1);
  retire(answer);
  assert.equal(ask(table, queryBytes(NAME)), undefined);
  assert.equal(table.size, 0);
});

test('answer() counts TTLs down and ends when it has to', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000_000 });
  const { table } = tableWith({
    prepared: prepared(2, 10),
    lifetime: { fromMs: 1_000_000_000, seconds: 10 },
    untilMs: 1_000_010_000,
  });
  t.mock.timers.tick(4000);
  assert.deepEqual(
    asked(table, queryBytes(NAME)).answers.map(({ ttl }) => ttl),
    [6, 6],
  );
  t.mock.timers.tick(5000);
  assert.deepEqual(
    asked(table, queryBytes(NAME)).answers.map(({ ttl }) => ttl),
    [1, 1],
  );
  t.mock.timers.tick(1000);
  assert.equal(ask(table, queryBytes(NAME)), undefined);
});

test('answer() gives plain answers to plain queries only', () => {
  const { table } = tableWith({ prepared: prepared(1), plainOnly: true });
  assert.ok(ask(table, queryBytes(NAME, RecordType.A, 1232)) !== undefined);
  assert.equal(ask(table, queryBytes(NAME, RecordType.A, 1232, true)), undefined);
  const checkingDisabled = queryBytes(NAME);
  checkingDisabled[3] = HeaderFlag.CD;
  assert.equal(ask(table, checkingDisabled), undefined);
});

test('answer() counts type, response code and sizes', () => {
  const tally = { value: 0 };
  const { table, counts } = tableWith({ prepared: prepared(1), tallies: [tally] });
  const query = queryBytes(NAME);
  const response = ask(table, query);
  const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
  assert.equal(counts.requests[RecordType.A], 1);
  assert.equal(counts.responses[0], 1);
  assert.equal(tally.value, 1);
  assert.equal(counts.requestBytes[UDP], query.length);
  assert.equal(counts.responseBytes[UDP], response?.length);
  for (const values of [counts.requests, counts.requestSizes, counts.responseSizes, counts.durations])
    assert.equal(sum(values), 1);
});

test('set() finds every one of many names again, replaces, and sweeps out what is stale when it is full', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000_000 });
  const table = new AnswerTable({ maxEntries: 3000 });
  const counts = new AnswerCounts();
  const nameOf = (i: number): string[] => [`service-${i}`, ...NAME.slice(1)];
  const put = (i: number, answer: PreparedAnswer) =>
    table.set(read(queryBytes(nameOf(i))), { prepared: answer, flags: 0, counts });
  const first = prepared(1);
  put(0, first);
  for (let i = 1; i < 3000; i++) put(i, prepared(1));
  for (let i = 0; i < 3000; i++) assert.ok(ask(table, queryBytes(nameOf(i))) !== undefined);
  put(1, prepared(2));
  assert.equal(asked(table, queryBytes(nameOf(1))).answers.length, 2);
  assert.equal(table.size, 3000);
  assert.equal(put(3000, prepared(1)), undefined);
  retire(first);
  assert.equal(put(3000, prepared(1)), undefined, 'looked at a moment ago');
  t.mock.timers.tick(1000);
  assert.ok(put(3000, prepared(1)) !== undefined);
  assert.equal(table.size, 3000);
});

test('what is no longer true does not stay for long, however many names come and go', () => {
  const table = new AnswerTable();
  const counts = new AnswerCounts();
  for (let i = 0; i < 20_000; i++) {
    const answer = prepared(1);
    const query = read(queryBytes([`name-${i}`, ...NAME.slice(1)]));
    table.set(query, { prepared: answer, flags: 0, counts });
    retire(answer);
    assert.ok(table.size <= 1024, `${table.size} entries`);
  }
});

test('answer() never throws nor writes past its room, whatever the bytes', () => {
  const { table } = tableWith({ prepared: prepared(5) });
  const valid = queryBytes(NAME, RecordType.A, 1232);
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 3 }).map((changes) => {
      const copy = Buffer.from(valid);
      for (const [at, byte] of changes) copy[at] = byte;
      return copy;
    }),
  );
  fc.assert(
    fc.property(bytes, fc.nat(100), (value, cut) => {
      const query = Buffer.from(value.subarray(0, cut));
      const response = ask(table, query);
      if (response !== undefined) decodeMessage(response);
    }),
    { numRuns: 3000 },
  );
});
