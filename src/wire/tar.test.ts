import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodePax, decodeTarHeader, TarError, tarPadding } from './tar.ts';

/** A ustar header with a right checksum. */
function header(fields: { name: string; size?: number; type?: string; prefix?: string }): Uint8Array {
  const block = Buffer.alloc(512);
  block.write(fields.name, 0);
  block.write('0000755\0', 100);
  block.write('0001750\0', 108);
  block.write('0001750\0', 116);
  block.write(`${(fields.size ?? 0).toString(8).padStart(11, '0')}\0`, 124);
  block.write(fields.type ?? '0', 156);
  block.write('ustar\x0000', 257);
  block.write(fields.prefix ?? '', 345);
  block.fill(32, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

test('decodeTarHeader() joins prefix and name and reads octal numbers', () => {
  const decoded = decodeTarHeader(header({ name: 'sh', prefix: 'usr/bin', size: 1234 }));
  assert.deepEqual(decoded, {
    name: 'usr/bin/sh',
    mode: 0o755,
    uid: 1000,
    gid: 1000,
    size: 1234,
    type: '0',
    linkName: '',
  });
});

test('decodeTarHeader() returns null for the end and throws TarError for anything else', () => {
  assert.equal(decodeTarHeader(new Uint8Array(512)), null);
  assert.throws(() => decodeTarHeader(Buffer.alloc(512, 'x')), TarError);
  assert.throws(() => decodeTarHeader(new Uint8Array(10)), TarError);
});

test('decodeTarHeader() throws nothing but TarError whatever the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 600 }), (bytes) => {
      try {
        decodeTarHeader(bytes);
      } catch (error) {
        assert.ok(error instanceof TarError);
      }
    }),
  );
});

test('decodePax() reads records and stops at a malformed one', () => {
  assert.deepEqual(
    [...decodePax(Buffer.from('13 path=a/bc\n11 size=99\n'))],
    [
      ['path', 'a/bc'],
      ['size', '99'],
    ],
  );
  assert.equal(decodePax(Buffer.from('9999 path=a\n')).size, 0);
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void decodePax(bytes)));
});

test('tarPadding() fills up to 512', () => {
  assert.deepEqual([0, 1, 511, 512, 513].map(tarPadding), [0, 511, 1, 0, 511]);
});
