import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { bytesToIp } from '#lib/ip.ts';
import { decodeSocketAddress, encodeSocketAddress } from './socket-address.ts';

const anyIp = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map(bytesToIp);

test('decodeSocketAddress() reads what encodeSocketAddress() writes', () => {
  fc.assert(
    fc.property(anyIp, fc.nat(65_535), (address, port) => {
      assert.deepEqual(decodeSocketAddress(encodeSocketAddress(address, port)), { address, port });
    }),
  );
});

test('encodeSocketAddress() refuses what is no port', () => {
  for (const port of [-1, 65_536, 1.5, Number.NaN])
    assert.throws(() => encodeSocketAddress('::1', port), /is not a port/);
});

test('decodeSocketAddress() never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 32 }), fc.constantFrom(0, 2, 10), (bytes, family) => {
      const input = Uint8Array.from([family, 0, ...bytes]);
      const decoded = decodeSocketAddress(input);
      assert.ok(decoded === undefined || decoded.port <= 65_535);
    }),
  );
});
