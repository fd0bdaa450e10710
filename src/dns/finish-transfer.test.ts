import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, request } from '#test/support/dns-plugin.ts';
import { decodeMessage, ednsOf } from '#wire/dns.ts';
import { finishTransfer } from './finish-transfer.ts';

const EDNS = { udpSize: 1232, extendedRcode: 0, version: 0, dnssecOk: true };

test('finishTransfer() cuts a zone into messages that each repeat the question', () => {
  const records = Array.from({ length: 1000 }, (_, i) => `host-${i}.test. 5 A 192.0.2.1`);
  const messages = finishTransfer(request('test', 'AXFR'), answer(records)).map((bytes) =>
    decodeMessage(bytes),
  );
  assert.ok(messages.length > 1);
  assert.equal(messages.flatMap(({ answers }) => answers).length, 1000);
  for (const { questions, additionals } of messages)
    assert.deepEqual([questions[0]?.name, additionals], [['test'], []]);
});

test('finishTransfer() answers EDNS with EDNS', () => {
  const [bytes] = finishTransfer(request('test', 'AXFR', { edns: EDNS }), answer([]));
  const [opt] = decodeMessage(bytes ?? Buffer.alloc(0)).additionals;
  assert.deepEqual(opt && ednsOf(opt), EDNS);
});
