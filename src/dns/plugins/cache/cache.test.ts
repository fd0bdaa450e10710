import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Client, DnsAnswer } from '#dns/handler.ts';
import {
  answer,
  ask,
  directive,
  type RequestOptions,
  request,
  SCOPE,
  testContext,
  texts,
} from '#test/support/dns-plugin.ts';
import { HeaderFlag, RecordType, ResponseCode } from '#wire/dns.ts';
import { prepareAnswer } from '#wire/dns-answer.ts';
import { parseRecord } from '#wire/dns-text.ts';
import { CacheHandler } from './cache-handler.ts';
import { parseCache } from './config.ts';
import { planKeeping } from './plan-lifetime.ts';
import { CacheStore, cacheEntry } from './store.ts';

const SOA = parseRecord('example. 300 SOA ns.example. host.example. 1 2 3 4 300');

/** A cache with a clock of its own before a server whose answers can be changed. */
async function cacheOf(text: string) {
  await using stack = new AsyncDisposableStack();
  const clock = { ms: 1_000_000 };
  const upstream = { answer: answer(['a.example. 60 A 192.0.2.1'], { flags: HeaderFlag.RA }), asked: 0 };
  const context = testContext(stack);
  const handler = new CacheHandler(parseCache(directive(text), SCOPE), context, () => clock.ms);
  return {
    clock,
    metrics: context.metrics,
    upstream,
    async get(options: RequestOptions = {}, name = 'a.example'): Promise<DnsAnswer> {
      const result = await ask(handler, request(name, 'A', options), () => {
        upstream.asked++;
        return upstream.answer;
      });
      return result === 'dropped' ? assert.fail('no answer') : result;
    },
  };
}

test('cache counts by the server that was asked, where its block is on several', async () => {
  const cache = await cacheOf('cache');
  const block = { server: 'dns://127.0.0.2:53' };
  await cache.get();
  await cache.get({ block });
  const text = cache.metrics.text();
  assert.match(text, /coredns_cache_misses_total\{server="dns:\/\/:53",.*\} 1\n/);
  assert.match(text, /coredns_cache_hits_total\{server="dns:\/\/127.0.0.2:53",type="success",.*\} 1\n/);
});

/** As transports make them: what few look at is read when somebody does. */
class LazyClient implements Client {
  readonly transport = 'udp';
  readonly family = 4;
  readonly #address = '192.0.2.7';

  get address(): string {
    return this.#address;
  }

  get port(): number {
    return 4242;
  }

  get local(): Client['local'] {
    return { address: '192.0.2.53', port: 53 };
  }
}

test('cache gives out what it has with TTLs that count down, until they end', async () => {
  const cache = await cacheOf('cache');
  await cache.get();
  cache.clock.ms += 20_500;
  assert.deepEqual(texts((await cache.get()).answers), ['a.example 40 192.0.2.1']);
  assert.equal(cache.upstream.asked, 1);
  cache.clock.ms += 40_000;
  assert.deepEqual(texts((await cache.get()).answers), ['a.example 60 192.0.2.1']);
  assert.equal(cache.upstream.asked, 2);
});

test('cache keepttl leaves TTLs as they were', async () => {
  const cache = await cacheOf('cache {\nkeepttl\n}');
  await cache.get();
  cache.clock.ms += 20_500;
  assert.deepEqual(texts((await cache.get()).answers), ['a.example 60 192.0.2.1']);
});

test('cache keeps answers to DO and CD apart, and tells AD only who asked', async () => {
  const cache = await cacheOf('cache');
  cache.upstream.answer = { ...cache.upstream.answer, flags: HeaderFlag.RA | HeaderFlag.AD };
  const edns = { udpSize: 1232, extendedRcode: 0, version: 0, dnssecOk: true };
  assert.equal((await cache.get()).flags & HeaderFlag.AD, 0);
  assert.notEqual((await cache.get({ flags: HeaderFlag.AD })).flags & HeaderFlag.AD, 0);
  assert.equal(cache.upstream.asked, 1);
  await cache.get({ edns });
  await cache.get({ flags: HeaderFlag.CD });
  assert.equal(cache.upstream.asked, 3);
});

test('cache prefetches what is asked for often, once, before it ends', async () => {
  const cache = await cacheOf('cache {\nprefetch 2 1m 20%\n}');
  await cache.get();
  cache.clock.ms += 20_000;
  await cache.get();
  await cache.get();
  assert.equal(cache.upstream.asked, 1);
  cache.clock.ms += 30_000;
  await cache.get();
  assert.equal(cache.upstream.asked, 2);
  cache.clock.ms += 30_000;
  await cache.get();
  assert.equal(cache.upstream.asked, 2);
});

test('cache prefetches for the client that asked: the plugins behind see its address', async () => {
  const seen: Client[] = [];
  await using stack = new AsyncDisposableStack();
  const clock = { ms: 1_000_000 };
  const config = parseCache(directive('cache {\nprefetch 1 1m 90%\n}'), SCOPE);
  const handler = new CacheHandler(config, testContext(stack), () => clock.ms);
  const client = new LazyClient();
  for (let i = 0; i < 2; i++) {
    await ask(handler, { ...request('a.example', 'A'), client }, (asked) => {
      seen.push(asked.client);
      return answer(['a.example. 60 A 192.0.2.1']);
    });
    clock.ms += 10_000;
  }
  assert.deepEqual(
    seen.map(({ transport, address, port, local }) => [transport, address, port, local.port]),
    [
      ['udp', '192.0.2.7', 4242, 53],
      ['tcp', '192.0.2.7', 4242, 53],
    ],
  );
});

test("cache serve_stale gives expired answers at once with TTL 0, and asks behind the client's back", async () => {
  const cache = await cacheOf('cache {\nserve_stale 1h\n}');
  await cache.get();
  cache.clock.ms += 61_000;
  assert.deepEqual(texts((await cache.get()).answers), ['a.example 0 192.0.2.1']);
  assert.equal(cache.upstream.asked, 2);
  assert.deepEqual(texts((await cache.get()).answers), ['a.example 60 192.0.2.1']);
  assert.equal(cache.upstream.asked, 2);
  cache.clock.ms += 3_700_000;
  assert.deepEqual(texts((await cache.get()).answers), ['a.example 60 192.0.2.1']);
});

test('cache serve_stale verify gives expired answers only when there is no fresh one', async () => {
  const cache = await cacheOf('cache {\nserve_stale 1h verify\n}');
  await cache.get();
  cache.clock.ms += 61_000;
  const good = cache.upstream.answer;
  cache.upstream.answer = answer([], { rcode: ResponseCode.SERVFAIL, flags: 0 });
  assert.deepEqual(texts((await cache.get()).answers), ['a.example 0 192.0.2.1']);
  cache.upstream.answer = answer([], { rcode: ResponseCode.SERVFAIL, flags: HeaderFlag.RA });
  assert.deepEqual(texts((await cache.get()).answers), ['a.example 0 192.0.2.1']);
  cache.upstream.answer = good;
  assert.deepEqual(texts((await cache.get()).answers), ['a.example 60 192.0.2.1']);
});

for (const mode of ['immediate', 'verify']) {
  for (const rcode of [ResponseCode.SERVFAIL, ResponseCode.REFUSED, ResponseCode.NOTIMP]) {
    test(`cache serve_stale ${mode} does not lose an entry to an upstream that answers code ${rcode}`, async () => {
      const cache = await cacheOf(`cache {\nserve_stale 1h ${mode}\n}`);
      await cache.get();
      cache.clock.ms += 61_000;
      cache.upstream.answer = answer([], { rcode, flags: HeaderFlag.RA });
      for (let i = 0; i < 3; i++)
        assert.deepEqual(texts((await cache.get()).answers), ['a.example 0 192.0.2.1']);
      cache.upstream.answer = answer([], { rcode: ResponseCode.NXDOMAIN, authorities: [SOA] });
      await cache.get();
      assert.equal((await cache.get()).rcode, ResponseCode.NXDOMAIN);
    });
  }
}

test('cache keeps for 5 s that upstream servers could not be asked, and logs the reason once', async () => {
  const cache = await cacheOf('cache');
  const good = cache.upstream.answer;
  cache.upstream.answer = answer([], { rcode: ResponseCode.SERVFAIL, flags: 0, error: 'no answer' });
  assert.equal((await cache.get()).error, 'no answer');
  cache.upstream.answer = good;
  const kept = await cache.get();
  assert.deepEqual([kept.rcode, kept.error], [ResponseCode.SERVFAIL, undefined]);
  cache.clock.ms += 5000;
  assert.equal((await cache.get()).rcode, ResponseCode.NOERROR);
});

test('cache keeps nothing of disabled zones, and nothing that the server itself says', async () => {
  const cache = await cacheOf('cache {\ndisable success example\n}');
  await cache.get();
  await cache.get();
  assert.equal(cache.upstream.asked, 2);
  cache.upstream.answer = answer([], { rcode: ResponseCode.SERVFAIL, flags: 0 });
  await cache.get({}, 'b.test');
  await cache.get({}, 'b.test');
  assert.equal(cache.upstream.asked, 4);
});

const CONFIG = parseCache(directive('cache'), SCOPE);
const ALIASES = [
  'a. 60 CNAME 0.',
  ...Array.from({ length: 4000 }, (_, i) => `${i}. 60 CNAME ${i + 1}.`),
  '4000. 60 A 192.0.2.1',
];

const KEEPINGS: readonly [what: string, answer: DnsAnswer, kept: boolean, lifetime: number, share: string][] =
  [
    ['an answer', answer(['a. 60 A 192.0.2.1', 'a. 30 A 192.0.2.2']), true, 30, 'success'],
    ['an answer with a long TTL', answer(['a. 86400 A 192.0.2.1']), true, 3600, 'success'],
    ['an answer with TTL 0', answer(['a. 0 A 192.0.2.1']), true, 5, 'success'],
    ['an alias and where it leads', answer(['a. 60 CNAME B.', 'b. 30 A 192.0.2.1']), true, 30, 'success'],
    ['an alias alone', answer(['a. 60 CNAME b.']), false, 60, 'success'],
    ['an alias alone with SOA', answer(['a. 60 CNAME b.'], { authorities: [SOA] }), true, 60, 'denial'],
    ['as many aliases as a message can have', answer(ALIASES), true, 60, 'success'],
    ['aliases in a circle', answer(['a. 60 CNAME b.', 'b. 60 CNAME a.']), false, 60, 'success'],
    ['records of another name', answer(['b. 60 A 192.0.2.1']), false, 60, 'success'],
    ['NXDOMAIN with SOA', answer([], { rcode: 3, authorities: [SOA] }), true, 300, 'denial'],
    ['NXDOMAIN without SOA', answer([], { rcode: 3 }), false, 5, 'denial'],
    ['NODATA with SOA', answer([], { authorities: [SOA] }), true, 300, 'denial'],
    ['NODATA without SOA', answer([]), true, 5, 'success'],
    [
      'a delegation',
      answer([], { flags: 0, authorities: [parseRecord('a. 60 NS ns.a.')] }),
      true,
      5,
      'success',
    ],
    ['SERVFAIL', answer([], { rcode: 2 }), true, 5, 'denial'],
    ['REFUSED', answer([], { rcode: 5 }), false, 5, 'denial'],
    ['a truncated answer', answer(['a. 60 A 192.0.2.1'], { flags: HeaderFlag.TC }), false, 60, 'success'],
  ];

for (const [what, given, kept, lifetime, share] of KEEPINGS) {
  test(`planKeeping() ${kept ? 'keeps' : 'does not keep'} ${what}`, () => {
    const asked = { name: ['a'], type: RecordType.A };
    assert.deepEqual(planKeeping(given, CONFIG, asked), { kept, lifetime, share });
  });
}

test('CacheStore never holds more entries or bytes than it may, and drops the longest unused first', () => {
  const entry = () => cacheEntry(prepareAnswer(['a'], answer(['a. 60 A 192.0.2.1'])), 0, 0, 60, 'success');
  const store = new CacheStore(3);
  for (const key of ['a', 'b', 'c']) store.set(key, entry());
  store.get('a');
  store.set('d', entry());
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => store.get(key) !== undefined),
    [true, false, true, true],
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(30), fc.nat(3000))), (sets) => {
      const bounded = new CacheStore(5);
      for (const [key, size] of sets) {
        const prepared = { ...prepareAnswer(['a'], answer([])), tails: [Buffer.alloc(size)] };
        bounded.set(String(key), cacheEntry(prepared, 0, 0, 60, 'success'));
        assert.ok(bounded.size <= 5 && bounded.bytes <= 5 * 2048);
      }
    }),
  );
});
