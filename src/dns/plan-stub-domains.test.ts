import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseCorefile } from './corefile/parse.ts';
import { planStubDomains, StubDomainError } from './plan-stub-domains.ts';
import { usedPlugins } from './plugin-registry.ts';

const stubDomains =
  '{"corp.example": ["10.0.0.1", "[fd00::1]:5353"], "2.0.192.in-addr.arpa": ["10.0.0.2:53"]}';

test('planStubDomains() makes a server block per stub domain that the Corefile reader takes', () => {
  const { blocks, upstreams } = planStubDomains({
    stubDomains,
    upstreamNameservers: '["9.9.9.9", "2620:fe::fe"]',
  });
  const parsed = parseCorefile(blocks, 'Corefile');
  assert.deepEqual(
    parsed.map(({ keys }) => keys.map(({ text }) => text)),
    [['corp.example.:53'], ['2.0.192.in-addr.arpa.:53']],
  );
  assert.deepEqual(parsed[0]?.directives.at(-1)?.args, ['.', '10.0.0.1:53', '[fd00::1]:5353']);
  for (const { directives } of parsed) assert.equal(usedPlugins(directives).length, 3);
  assert.deepEqual(upstreams, ['9.9.9.9:53', '[2620:fe::fe]:53']);
});

test('planStubDomains() has nothing to say about an empty ConfigMap', () => {
  assert.deepEqual(planStubDomains({ federations: '{}' }), { blocks: '', upstreams: [] });
});

for (const [data, problem] of [
  [{ stubDomains: '[' }, /stubDomains: is no JSON/],
  [{ stubDomains: '["x"]' }, /no JSON object/],
  [{ stubDomains: '{"..": ["10.0.0.1"]}' }, /"\.\." is no domain/],
  [{ stubDomains: '{"a.test": "10.0.0.1"}' }, /a.test has no list/],
  [{ stubDomains: '{"a.test": ["dns.example"]}' }, /a.test: dns.example is neither/],
  [{ upstreamNameservers: '["1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"]' }, /4 servers are too many; 3/],
] as const) {
  test(`planStubDomains() refuses ${JSON.stringify(data)}`, () => {
    assert.throws(
      () => planStubDomains(data),
      (error) => error instanceof StubDomainError && problem.test(error.message),
    );
  });
}

test('planStubDomains() throws nothing but StubDomainError', () => {
  fc.assert(
    fc.property(fc.json(), fc.json(), (stubs, servers) => {
      try {
        planStubDomains({ stubDomains: stubs, upstreamNameservers: servers });
      } catch (error) {
        assert.ok(error instanceof StubDomainError, String(error));
      }
    }),
  );
});
