import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import {
  bigIntToIp,
  bytesToIp,
  compareIps,
  formatAddressPort,
  formatIp,
  ip,
  ipFamily,
  ipToBigInt,
  ipToBytes,
  isCanonicalIp,
  isLinkLocalIp,
  isLoopbackIp,
  isMulticastIp,
  isUnspecifiedIp,
  parseAddressPort,
  parseIp,
  unmapIp,
} from './ip-address.ts';

const anyIpv4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
const anyIpv6 = fc.uint8Array({ minLength: 16, maxLength: 16 });
const anyIp = fc.oneof(anyIpv4, anyIpv6).map(bytesToIp);

describe('parseIp()', () => {
  const canonical: Array<[text: string, ip: string | undefined]> = [
    ['10.96.0.1', '10.96.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['010.0.0.1', undefined],
    ['10.0.0.01', undefined],
    ['00.0.0.0', undefined],
    ['256.0.0.1', undefined],
    ['10.0.0', undefined],
    ['10.0.0.1.', undefined],
    ['10..0.1', undefined],
    ['10.0.0.1 ', undefined],
    ['10.0.0.-1', undefined],
    ['', undefined],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['FD00:0:0:0::A', 'fd00::a'],
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7', undefined],
    ['1:2:3:4:5:6:7:8:9', undefined],
    ['1:2:3:4:5:6:7:8::', undefined],
    ['1::2::3', undefined],
    [':::', undefined],
    [':1', undefined],
    ['12345::', undefined],
    ['fe80::1%eth0', undefined],
    ['::1.2.3.4.5', undefined],
    ['1.2.3.4::', undefined],
    ['g::', undefined],
  ];
  for (const [text, expected] of canonical) {
    test(`reads ${JSON.stringify(text)} as ${expected}`, () => assert.equal(parseIp(text), expected));
  }

  test('agrees with Node on what is an address', () => {
    const almost = fc.oneof(
      anyIp,
      fc.stringMatching(/^[0-9a-f:.]{0,45}$/),
      fc.array(fc.stringMatching(/^[0-9a-fA-F]{0,5}$/), { maxLength: 9 }).map((parts) => parts.join(':')),
    );
    fc.assert(fc.property(almost, (text) => assert.equal(parseIp(text) !== undefined, isIP(text) !== 0)));
  });

  test('gives the text back that it was made from, and the same text for the same bytes', () => {
    fc.assert(
      fc.property(anyIp, (address) => {
        assert.equal(parseIp(address), address);
        assert.equal(bytesToIp(ipToBytes(address)), address);
        assert.equal(formatIp(address), address);
        assert.ok(isCanonicalIp(address));
        assert.equal(bigIntToIp(ipToBigInt(address), ipFamily(address)), address);
      }),
    );
  });
});

test('IPv6 text is what the URL standard makes of it', () => {
  fc.assert(
    fc.property(anyIpv6, (bytes) => {
      const text = bytesToIp(bytes);
      // URLs write mapped addresses in hexadecimal; RFC 5952 prefers dotted decimal.
      fc.pre(!text.includes('.'));
      assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`);
    }),
  );
});

test('ip() quotes what is no address', () => {
  assert.throws(() => ip('web'), /"web" is not an IP address/);
  assert.throws(() => ipToBytes('1.2.3'), /"1.2.3" is not an IP address/);
  assert.throws(() => bytesToIp(new Uint8Array(5)), /4 or 16 bytes, not 5/);
  assert.throws(() => bigIntToIp(1n << 32n, 4), /outside the IPv4 address space/);
});

test('compareIps() sorts IPv4 first, then by value', () => {
  const sorted = ['::1', '10.0.0.2', 'fd00::', '9.255.0.1', '10.0.0.10'].sort(compareIps);
  assert.deepEqual(sorted, ['9.255.0.1', '10.0.0.2', '10.0.0.10', '::1', 'fd00::']);
  assert.equal(compareIps('::1', '0:0::1'), 0);
});

test('the kinds of addresses are told apart', () => {
  assert.ok(isLoopbackIp('127.9.9.9') && isLoopbackIp('::1') && isLoopbackIp('::ffff:127.0.0.1'));
  assert.ok(!isLoopbackIp('128.0.0.1') && !isLoopbackIp('::2') && !isLoopbackIp('::ffff:10.0.0.1'));
  assert.ok(isUnspecifiedIp('0.0.0.0') && isUnspecifiedIp('::') && !isUnspecifiedIp('::1'));
  assert.ok(
    isLinkLocalIp('169.254.1.1') &&
      isLinkLocalIp('febf::1') &&
      !isLinkLocalIp('fec0::1') &&
      !isLinkLocalIp('169.253.0.1'),
  );
  assert.ok(
    isMulticastIp('239.1.1.1') &&
      isMulticastIp('ff02::1') &&
      !isMulticastIp('240.0.0.1') &&
      !isMulticastIp('fe80::1'),
  );
});

test('unmapIp() takes the IPv4 address out of a mapped one', () => {
  assert.equal(unmapIp('::ffff:10.0.0.1'), '10.0.0.1');
  assert.equal(unmapIp('fd00::1'), 'fd00::1');
  assert.equal(unmapIp('10.0.0.1'), '10.0.0.1');
});

test('parseAddressPort() reads what formatAddressPort() writes', () => {
  fc.assert(
    fc.property(anyIp, fc.integer({ min: 0, max: 65_535 }), (address, port) => {
      assert.deepEqual(parseAddressPort(formatAddressPort(address, port)), { address, port });
    }),
  );
  for (const text of [
    '10.0.0.1',
    '10.0.0.1:65536',
    '::1:80',
    '[10.0.0.1]:80',
    '[::1]80',
    'web:80',
    '10.0.0.1:',
  ]) {
    assert.equal(parseAddressPort(text), undefined, text);
  }
});
