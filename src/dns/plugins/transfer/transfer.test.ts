import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerWith, withMessage } from '#dns/finish-answer.ts';
import type { DnsRequest } from '#dns/handler.ts';
import type { PluginInstance } from '#dns/plugin.ts';
import {
  answer,
  ask,
  BLOCK,
  directive,
  instance,
  request,
  SCOPE,
  testContext,
} from '#test/support/dns-plugin.ts';
import { type DnsRecord, decodeMessage, encodeMessage, rcodeName, typeName } from '#wire/dns.ts';
import { parseRecord } from '#wire/dns-text.ts';
import { transfer } from './transfer.ts';

const RECORDS = [
  'example. 60 SOA ns hm 100 1 2 3 4',
  'example. 60 NS ns.example.',
  'www.example. 60 A 192.0.2.1',
];

/** Has the zone `example`, whose serial is 100. */
const HOLDER: PluginInstance = {
  name: 'holder',
  transfer: (zoneKey) =>
    zoneKey === '\x07example\0'
      ? { serial: 100, records: () => RECORDS.map((text) => parseRecord(text)) }
      : undefined,
};

interface Client {
  readonly address?: string;
  readonly transport?: 'udp' | 'tcp' | 'https';
  /** SOA or other records in the authority section. */
  readonly authority?: readonly string[];
}

function query(name: string, type: string, { authority = [], ...client }: Client = {}): DnsRequest {
  const asked = request(name, type, { client: { transport: 'tcp', ...client } });
  const message = decodeMessage(asked.query.message);
  const authorities: DnsRecord[] = authority.map((text) => parseRecord(text));
  return withMessage(asked, encodeMessage({ ...message, authorities })) ?? assert.fail('no query');
}

/** What is answered, shortly: a response code, the types of the records, or `next` when the next plugin is asked. */
async function outcome(text: string, asked: DnsRequest): Promise<string> {
  await using stack = new AsyncDisposableStack();
  const block = { ...BLOCK, plugins: [HOLDER] };
  const plugin = await instance(transfer, text, testContext(stack, block));
  const result = await ask(plugin, asked, () => answerWith([...answer(['next. 1 A 192.0.2.9']).answers]));
  if (result === 'dropped') return result;
  if (result.answers[0]?.name[0] === 'next') return 'next';
  const types = result.answers.map(({ type }) => typeName(type)).join(' ');
  return result.rcode === 0 ? types : (rcodeName(result.rcode) ?? '');
}

const OPEN = 'transfer example {\nto *\n}';
const WHOLE = 'SOA NS A SOA';

test('a zone is given whole over a stream, over nothing else, and only at its own name', async () => {
  assert.equal(await outcome(OPEN, query('example', 'AXFR')), WHOLE);
  assert.equal(await outcome(OPEN, query('example', 'AXFR', { transport: 'udp' })), 'REFUSED');
  assert.equal(await outcome(OPEN, query('example', 'AXFR', { transport: 'https' })), 'REFUSED');
  assert.equal(await outcome(OPEN, query('other', 'AXFR', { transport: 'udp' })), 'REFUSED');
  assert.equal(await outcome(OPEN, query('www.example', 'AXFR')), 'next');
  assert.equal(await outcome(OPEN, query('example', 'A')), 'next');
});

test('the rule with the longest zone says who may have it', async () => {
  const text = 'transfer . {\nto *\n}\ntransfer example {\nto 192.0.2.7:5353 [2001:db8::7]:53 10.0.0.0/8\n}';
  assert.equal(await outcome(text, query('example', 'AXFR')), 'REFUSED');
  for (const address of ['192.0.2.7', '2001:db8::7', '10.1.2.3'])
    assert.equal(await outcome(text, query('example', 'AXFR', { address })), WHOLE, address);
});

test('IXFR: the whole zone for an older one, else its SOA alone; without the client’s SOA it is no query', async () => {
  const of = (serial: number) =>
    query('example', 'IXFR', { authority: [`example. 1 SOA a b ${serial} 1 1 1 1`] });
  assert.equal(await outcome(OPEN, of(99)), WHOLE);
  assert.equal(await outcome(OPEN, of(4_294_967_290)), WHOLE);
  assert.equal(await outcome(OPEN, of(100)), 'SOA');
  assert.equal(await outcome(OPEN, of(101)), 'SOA');
  assert.equal(await outcome(OPEN, query('example', 'IXFR')), 'SERVFAIL');
  const other = query('example', 'IXFR', { authority: ['example. 1 A 192.0.2.1'] });
  assert.equal(await outcome(OPEN, other), 'SERVFAIL');
});

test('nobody to transfer to, and what is no address, are errors with their line', () => {
  const wrong: readonly [text: string, problem: RegExp][] = [
    ['transfer example', /Corefile:2: .*says to nobody/],
    ['transfer {\nto\n}', /Corefile:3: to: takes addresses/],
    ['transfer {\nto example.org\n}', /Corefile:3: to: "example.org" is neither an address/],
    ['transfer {\nto *\nsource here\n}', /Corefile:4: source: "here" is no address/],
    ['transfer {\nfrom *\n}', /Corefile:3: .*there is no option "from"/],
  ];
  for (const [text, message] of wrong)
    assert.throws(() => transfer.parse([directive(text)], SCOPE), { name: 'CorefileError', message });
});
