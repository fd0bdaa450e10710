import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseResolvers } from './gateway-dns.ts';

describe('parseResolvers()', () => {
  it('takes the addresses of nameserver lines, in their order', () => {
    const text =
      '# nameserver 9.9.9.9\nsearch example.com\nnameserver 127.0.0.53\nnameserver\tfe80::1%eth0\nnameserver x\n';
    assert.deepEqual(parseResolvers(text), ['127.0.0.53', 'fe80::1']);
  });

  it('is this machine where there are none', () => assert.deepEqual(parseResolvers(''), ['127.0.0.1']));
});
