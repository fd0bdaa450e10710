import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { bytesToIp, Cidr, ipFamily } from './ip.ts';

const anyIp = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map(bytesToIp);
const anyCidr = fc
  .tuple(anyIp, fc.nat())
  .map(([address, n]) => new Cidr(address, n % (ipFamily(address) === 4 ? 33 : 129)));

describe('Cidr', () => {
  test('parse() wants an address and a prefix length without leading zeros', () => {
    assert.equal(Cidr.parse('10.1.2.3/8')?.format(), '10.0.0.0/8');
    assert.equal(Cidr.parse('10.1.2.3/8')?.address, '10.1.2.3');
    assert.equal(Cidr.parse('::/0')?.format(), '::/0');
    for (const text of [
      '10.0.0.0',
      '10.0.0.0/33',
      '::/129',
      '10.0.0.0/08',
      '10.0.0.0/',
      '/8',
      '10.0.0.0/8/8',
      '10.0.0.0/-1',
    ]) {
      assert.equal(Cidr.parse(text), undefined, text);
    }
    assert.throws(() => Cidr.of('10.0.0.0'), /"10.0.0.0" is not a CIDR such as 10.0.0.0\/8/);
    assert.throws(() => new Cidr('10.0.0.0', 33), /33 is not between 0 and 32/);
  });

  test('knows its ends, size and mask', () => {
    const cidr = Cidr.of('10.244.4.0/22');
    assert.equal(cidr.broadcast, '10.244.7.255');
    assert.equal(cidr.size, 1024n);
    assert.equal(cidr.netmask, '255.255.252.0');
    assert.equal(Cidr.of('fd00:10:244::/48').netmask, 'ffff:ffff:ffff::');
    assert.equal(Cidr.host('fd00::1').format(), 'fd00::1/128');
    assert.equal(JSON.stringify({ cidr }), '{"cidr":"10.244.4.0/22"}');
  });

  test('nthAddress() counts from the front and from behind the end', () => {
    const cidr = Cidr.of('10.96.0.0/16');
    assert.equal(cidr.nthAddress(1), '10.96.0.1');
    assert.equal(cidr.nthAddress(256), '10.96.1.0');
    assert.equal(cidr.nthAddress(-1), '10.96.255.255');
    assert.equal(Cidr.of('fd00:10:96::/112').nthAddress(10n), 'fd00:10:96::a');
    assert.throws(() => cidr.nthAddress(65_536), /10.96.0.0\/16 has no address number 65536/);
    assert.throws(() => cidr.nthAddress(-65_537), /has no address number/);
  });

  test('nthSubnet() cuts it into equal parts', () => {
    assert.equal(Cidr.of('10.244.0.0/16').nthSubnet(22, 2).format(), '10.244.8.0/22');
    assert.equal(Cidr.of('fd00:10:244::/48').nthSubnet(64, 3).format(), 'fd00:10:244:3::/64');
    assert.throws(() => Cidr.of('10.244.0.0/16').nthSubnet(22, 64), /has no address number/);
    assert.throws(() => Cidr.of('10.244.0.0/16').nthSubnet(8, 0), /no part with a prefix of 8/);
  });

  test('contains() agrees with Node', () => {
    fc.assert(
      fc.property(anyCidr, anyIp, fc.boolean(), (cidr, other, isInside) => {
        const list = new BlockList();
        list.addSubnet(cidr.address, cidr.prefixLength, cidr.family === 4 ? 'ipv4' : 'ipv6');
        const address = isInside ? cidr.broadcast : other;
        fc.pre(!address.startsWith('::ffff:'));
        const expected =
          list.check(address, ipFamily(address) === 4 ? 'ipv4' : 'ipv6') && ipFamily(address) === cidr.family;
        assert.equal(cidr.contains(address), expected);
      }),
    );
  });

  test('contains() and overlaps() of networks', () => {
    const big = Cidr.of('10.0.0.0/8');
    const small = Cidr.of('10.96.0.0/16');
    assert.ok(big.contains(small) && !small.contains(big) && small.overlaps(big) && big.overlaps(small));
    assert.ok(
      !small.overlaps(Cidr.of('10.97.0.0/16')) && !big.contains('fd00::1') && !big.overlaps(Cidr.of('::/0')),
    );
  });

  test('indexOf() undoes nthAddress()', () => {
    fc.assert(
      fc.property(anyCidr, fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (cidr, n) => {
        const index = n % cidr.size;
        assert.equal(cidr.indexOf(cidr.nthAddress(index)), index);
      }),
    );
    assert.equal(Cidr.of('10.0.0.0/8').indexOf('11.0.0.0'), undefined);
  });

  test('parse() reads what format() writes', () => {
    fc.assert(
      fc.property(anyCidr, (cidr) => assert.deepEqual(Cidr.parse(cidr.format())?.format(), cidr.format())),
    );
  });
});
