import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { bytesToIp, Cidr, ipFamily } from '#lib/ip.ts';
import { decodeMessages, NetlinkDecodeError, NetlinkWriter } from './netlink.ts';
import { decodeObject, encodeDump, encodeGetLink, encodeRequest } from './rtnetlink.ts';
import type { RtnetlinkRequest } from './rtnetlink-types.ts';

const KINDS = ['link', 'address', 'route', 'neighbour', 'rule'] as const;

const anyIp = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map(bytesToIp);
const anyCidr = fc.tuple(anyIp, fc.nat()).map(([ip, n]) => new Cidr(ip, n % (ipFamily(ip) === 4 ? 33 : 129)));
const anyMac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':'));
const anyIndex = fc.integer({ min: 1, max: 0x7fffffff });

/** What the kernel would tell of an object that a request makes: both have the same form. */
function roundTrip(kind: (typeof KINDS)[number], request: RtnetlinkRequest): unknown {
  const writer = new NetlinkWriter(8);
  encodeRequest(writer, request, 1, (link) => (typeof link === 'number' ? link : 7));
  const [message, ...others] = decodeMessages(writer.bytes());
  assert.equal(others.length, 0);
  assert.ok(message !== undefined);
  return decodeObject(kind, message);
}

/** Compares the given fields only. */
function assertHas(actual: unknown, expected: Record<string, unknown>): void {
  const part = Object.fromEntries(
    Object.keys(expected).map((field) => [field, (actual as typeof expected)[field]]),
  );
  assert.deepEqual(part, expected);
}

describe('encodeRequest() and decodeObject() agree', () => {
  test('on addresses', () => {
    fc.assert(
      fc.property(anyCidr, anyIndex, (cidr, index) => {
        const address = `${cidr.address}/${cidr.prefixLength}`;
        const decoded = roundTrip('address', { do: 'addAddress', link: index, address, scope: 'link' });
        assertHas(decoded, { address, index, family: cidr.family, scope: 'link', tentative: false });
      }),
    );
  });

  test('on routes', () => {
    const table = fc.oneof(fc.integer({ min: 1, max: 255 }), fc.integer({ min: 256, max: 0xffffffff }));
    fc.assert(
      fc.property(anyCidr, anyIp, anyIndex, table, fc.nat(), (cidr, via, index, table, metric) => {
        const destination = cidr.format();
        const decoded = roundTrip('route', { do: 'addRoute', destination, via, link: index, table, metric });
        assertHas(decoded, {
          destination,
          via,
          index,
          table,
          metric,
          family: cidr.family,
          type: 'unicast',
          protocol: 4,
        });
      }),
    );
  });

  test('on routes with several next hops', () => {
    const nexthops = fc.array(
      fc.record(
        { via: anyIp, index: anyIndex, weight: fc.integer({ min: 1, max: 256 }) },
        { noNullPrototype: true },
      ),
      {
        minLength: 1,
        maxLength: 5,
      },
    );
    fc.assert(
      fc.property(anyCidr, nexthops, (cidr, hops) => {
        const wanted = hops.map(({ via, index, weight }) => ({ via, link: index, weight }));
        const decoded = roundTrip('route', {
          do: 'replaceRoute',
          destination: cidr.format(),
          nexthops: wanted,
        });
        assertHas(decoded, { nexthops: hops });
      }),
    );
  });

  test('on rules', () => {
    fc.assert(
      fc.property(anyCidr, anyIndex, fc.nat(), (from, table, mark) => {
        const { family } = from;
        const rule = { family, from: from.format(), table, mark, mask: 0xff, priority: 9, inputLink: 'eth0' };
        assertHas(roundTrip('rule', { do: 'addRule', ...rule }), { ...rule, action: 'lookup' });
      }),
    );
  });

  test('on neighbours', () => {
    fc.assert(
      fc.property(anyIp, anyMac, anyIndex, (address, mac, index) => {
        const decoded = roundTrip('neighbour', { do: 'addNeighbour', link: index, address, mac });
        assert.deepEqual(decoded, { address, mac, index, state: 'permanent', proxy: false });
      }),
    );
  });

  test('on links', () => {
    const request = { name: 'pod1', index: 10, mac: '02:00:00:00:00:01', mtu: 1400, up: true };
    const decoded = roundTrip('link', { do: 'createVeth', ...request, peer: { name: 'eth0', index: 2 } });
    assertHas(decoded, { ...request, kind: 'veth', running: false });
    assertHas(roundTrip('link', { do: 'setLink', link: 'x', master: 'br0' }), { index: 7, master: 7 });
  });
});

describe('encodeRequest()', () => {
  const refused: Array<[request: RtnetlinkRequest, error: RegExp]> = [
    [{ do: 'addAddress', link: 1, address: '10.0.0.1' }, /"10.0.0.1" is not a CIDR/],
    [{ do: 'addRoute', destination: 'default' }, /"default" is not a CIDR/],
    [{ do: 'addRoute', destination: '0.0.0.0/0', via: 'gateway' }, /"gateway" is not an IP address/],
    [{ do: 'createLink', kind: 'bridge', name: 'a-name-of-16-byt' }, /is not an interface name/],
    [{ do: 'createLink', kind: 'bridge', name: 'a/b' }, /is not an interface name/],
    [{ do: 'addNeighbour', link: 1, address: '10.0.0.1', mac: '02:00' }, /"02:00" is not a MAC address/],
  ];
  for (const [request, error] of refused) {
    test(`refuses ${JSON.stringify(request)}`, () => {
      assert.throws(() => encodeRequest(new NetlinkWriter(), request, 1, () => 1), error);
    });
  }
});

test('requests to read are one message each', () => {
  const writer = new NetlinkWriter();
  for (const kind of KINDS) encodeDump(writer, kind, 1, 6);
  encodeGetLink(writer, 'lo', 2);
  encodeGetLink(writer, 1, 3);
  assert.deepEqual(
    decodeMessages(writer.bytes()).map(({ type }) => type),
    [18, 22, 26, 30, 34, 18, 18],
  );
});

test('decodeObject() throws nothing but NetlinkDecodeError', () => {
  const attribute = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.uint8Array({ maxLength: 30 }));
  const wellFormed = fc
    .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.array(attribute))
    .map(([header, list]) => {
      const writer = new NetlinkWriter();
      writer.raw(header);
      for (const [type, bytes] of list) writer.attribute(type, bytes);
      return writer.bytes();
    });
  const types = { link: 16, address: 20, route: 24, neighbour: 28, rule: 32 };
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), wellFormed), fc.constantFrom(2, 10), (bytes, family) => {
      const payload = Uint8Array.from(bytes);
      if (payload.length > 0) payload[0] = family;
      for (const kind of KINDS) {
        try {
          decodeObject(kind, { type: types[kind], flags: 0, sequence: 1, payload });
        } catch (error) {
          assert.ok(error instanceof NetlinkDecodeError, String(error));
        }
      }
    }),
    { numRuns: 1000 },
  );
});
