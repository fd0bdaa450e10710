import type { Chain, Counter, NftMap, NftSet } from './objects.ts';
import { PRIORITIES, table } from './objects.ts';
import {
  constant,
  ct,
  fib,
  icmpv6,
  ip,
  ip6,
  jhash,
  lookup,
  meta,
  numgen,
  socket,
  tcp,
  th,
  udp,
} from './selectors.ts';
import * as s from './statements.ts';
import { Transaction } from './transaction.ts';

/**
 * A ruleset with every kind of object, selector and statement, for the tests: its text is compared with a
 * golden file's, and what the kernel has of it with what nft makes of that text.
 */
const t = table('inet', 'sample', 'all that there is');
const services: NftMap = {
  kind: 'map',
  table: t,
  name: 'services',
  key: ['ipv4_addr', 'inet_proto', 'inet_service'],
  data: 'verdict',
  comment: 'by address and port',
};
const sticky: NftMap = {
  kind: 'map',
  table: t,
  name: 'sticky',
  key: ['ipv4_addr', 'inet_service'],
  data: ['ipv4_addr', 'inet_service'],
  dynamic: true,
  timeoutMs: 10_800_000,
  size: 1000,
};
const marks: NftMap = { kind: 'map', table: t, name: 'marks', key: ['ipv4_addr'], data: ['mark'] };
const ports: NftMap = { kind: 'map', table: t, name: 'ports', key: ['ipv4_addr'], data: ['inet_service'] };
const sources: NftMap = {
  kind: 'map',
  table: t,
  name: 'sources',
  key: ['ipv4_addr', 'inet_service'],
  data: ['ipv4_addr'],
};
const six: NftMap = { kind: 'map', table: t, name: 'six', key: ['ipv6_addr'], data: ['ipv6_addr'] };
const networks: NftSet = { kind: 'set', table: t, name: 'networks', key: ['ipv4_addr'], interval: true };
const allowed: NftSet = {
  kind: 'set',
  table: t,
  name: 'allowed',
  key: ['ipv4_addr', 'inet_service'],
  interval: true,
};
const uplinks: NftSet = { kind: 'set', table: t, name: 'uplinks', key: ['ifname'] };
const seen: NftSet = {
  kind: 'set',
  table: t,
  name: 'seen',
  key: ['ipv4_addr'],
  dynamic: true,
  timeouts: true,
  size: 100,
};
const drops: Counter = { kind: 'counter', table: t, name: 'drops', comment: 'no endpoint' };

const chain = (name: string, base?: Chain['base']): Chain => ({ kind: 'chain', table: t, name, base });
const prerouting = chain('prerouting', { type: 'nat', hook: 'prerouting', priority: PRIORITIES.dstnat });
const postrouting = chain('postrouting', { type: 'nat', hook: 'postrouting', priority: PRIORITIES.srcnat });
const mangle = chain('mangle', { type: 'filter', hook: 'prerouting', priority: PRIORITIES.mangle });
const raw = chain('raw', { type: 'filter', hook: 'output', priority: PRIORITIES.raw });
const input = chain('input', { type: 'filter', hook: 'input', priority: PRIORITIES.filter, policy: 'drop' });
const accounting = chain('accounting');
const forwarding: Chain = { ...chain('forwarding'), comment: 'jumped to' };

const isTcp = s.match(meta('l4proto'), '==', 'tcp');

/** Rules that the nft of Debian 12 reads and writes as they are. */
export function sampleTransaction(): Transaction {
  return new Transaction()
    .add(t, services, sticky, marks, ports, sources, six, networks, allowed, uplinks, seen, drops)
    .add(prerouting, postrouting, mangle, raw, input, accounting, forwarding)
    .addRule(prerouting, [s.vmap([ip.daddr, meta('l4proto'), th.dport], services)], {
      comment: 'to services',
    })
    .addRule(prerouting, [isTcp, s.redirect(15_001)])
    .addRule(prerouting, [isTcp, s.dnat({ address: 'fd00::1', port: 8080 })])
    .addRule(forwarding, [isTcp, s.dnat({ map: sticky, key: [ip.saddr, tcp.dport] })])
    .addRule(forwarding, [isTcp, s.dnat({ address: '10.1.1.1', port: 8080 }, { persistent: true })])
    .addRule(forwarding, [s.dnat({ map: six, key: [ip6.daddr] })])
    .addRule(postrouting, [s.match(meta('mark'), '==', 0x4000, 0x4000), s.masquerade({ fullyRandom: true })])
    .addRule(postrouting, [
      s.match(ip.saddr, '==', '10.0.0.0/8'),
      s.snat({ address: '192.0.2.1' }, { random: true }),
    ])
    .addRule(mangle, [s.inSet([ip.saddr], networks), s.setMark(0x4000, 0x4000), s.counter()])
    .addRule(mangle, [s.notInSet([ip.saddr, tcp.dport], allowed), s.setMark(ct('mark')), s.counter(drops)])
    .addRule(mangle, [s.setCtMark(5), s.setCtMark(meta('mark'), 0xff), s.setMark(lookup(marks, [ip.saddr]))])
    .addRule(mangle, [
      s.match(tcp.dport, '==', '80-90'),
      s.tproxy('ip', { address: '127.0.0.1', port: 15_001 }),
    ])
    .addRule(mangle, [s.match(socket('transparent'), '==', 1), s.setMark(1), s.accept])
    .addRule(mangle, [
      s.match(fib(['daddr'], 'type'), '==', 'local'),
      s.match(meta('iifname'), '!=', 'lo'),
      s.match(meta('iifname'), '==', 'veth*'),
      s.inSet([meta('iifname')], uplinks),
    ])
    .addRule(mangle, [s.match(ct('ip daddr', 'original'), '==', '10.0.0.1'), s.hasAny(ct('status'), 'dnat')])
    .addRule(mangle, [isTcp, s.update(seen, [ip.saddr], { timeoutMs: 90_500 })])
    .addRule(raw, [s.match(udp.dport, '==', 53), s.notrack])
    .addRule(raw, [s.setField(udp.sport, lookup(ports, [ip.saddr]))])
    .addRule(raw, [s.setField(ip.saddr, lookup(sources, [ip.saddr, udp.dport]))])
    .addRule(raw, [s.setField(ip6.saddr, lookup(six, [ip6.saddr]))])
    .addRule(input, [s.hasAny(ct('state'), 'established', 'related'), s.accept])
    .addRule(input, [
      s.limit(10, 'minute', { burst: 20 }),
      s.log({ prefix: 'no: ', group: 5, snaplenBytes: 64 }),
    ])
    .addRule(input, [s.limit(10, 'second', { over: true }), s.match(meta('mark'), '>', 5), s.drop])
    .addRule(input, [s.match(icmpv6.type, '==', 'nd-neighbor-solicit'), s.jump(accounting.name)])
    .addRule(input, [s.match(tcp.dport, '!=', 22), s.reject('tcp reset')])
    .addRule(input, [s.match(ip.daddr, '>=', '10.0.0.1'), s.reject('admin-prohibited')])
    .addElements(services, [
      { key: ['10.96.0.1', 'tcp', 443], data: { goto: forwarding.name } },
      { key: ['10.96.0.10', 'udp', 53], data: 'drop', comment: 'dns' },
    ])
    .addElements(marks, [{ key: ['10.0.0.1'], data: [7] }])
    .addElements(six, [{ key: ['fd00::1'], data: ['fd00::2'] }])
    .addElements(networks, [
      { key: ['10.0.0.0/8'] },
      { key: ['192.168.0.1-192.168.0.5'] },
      { key: ['255.255.255.0/24'] },
    ])
    .addElements(allowed, [{ key: ['10.0.0.0/8', '80-90'] }, { key: ['1.1.1.1', 53] }])
    .addElements(uplinks, [{ key: ['eth0'] }]);
}

const endpoints: NftMap = {
  kind: 'map',
  table: t,
  name: 'endpoints',
  key: ['ipv4_addr', 'inet_service', 'mark'],
  data: ['ipv4_addr', 'inet_service'],
};

/** Rules that nft 1.0.6 shows but cannot read: an index in a key, data made of constants. */
export function sampleExtras(): Transaction {
  return new Transaction()
    .add(endpoints)
    .addElements(endpoints, [{ key: ['10.96.0.1', 443, 2], data: ['10.244.0.5', 6443] }])
    .addRule(forwarding, [isTcp, s.dnat({ map: endpoints, key: [ip.daddr, tcp.dport, numgen(3)] })])
    .addRule(forwarding, [
      isTcp,
      s.dnat({ map: endpoints, key: [ip.daddr, tcp.dport, jhash([ip.saddr], 3, { seed: 5 })] }),
    ])
    .addRule(forwarding, [
      s.update(sticky, [ip.saddr, th.dport], {
        data: [constant('ipv4_addr', '10.1.1.1'), constant('inet_service', 80)],
      }),
    ]);
}
