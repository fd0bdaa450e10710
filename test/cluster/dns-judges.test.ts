// Other people's resolvers and tools in pods: BIND's dig, Knot's kdig, NLnet's drill, the C libraries glibc and musl.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { CROWD, type JudgeCluster, startJudgeCluster } from '#test/support/dns-judge-cluster.ts';
import { requireJudge } from '#test/support/judge.ts';
import { findKubectl } from '#test/support/kubectl.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';

await enterTestNamespace();

const SERVERS = { IPv4: '10.96.0.10', IPv6: 'fd00:10:96::a' } as const;
const HOSTS = ['db-0', 'db-1'];

/** What there is to be known, by name and type: the data of every record, in the order of the alphabet. */
const TRUTH: readonly [name: string, type: string, data: readonly string[]][] = [
  ['web.default.svc.cluster.local', 'A', ['10.96.1.1']],
  ['web.default.svc.cluster.local', 'AAAA', ['fd00:10:96::101']],
  ['api.other.svc.cluster.local', 'A', ['10.96.1.2']],
  ['_http._tcp.web.default.svc.cluster.local', 'SRV', ['0 50 80 web.default.svc.cluster.local.']],
  [
    '_pg._tcp.db.default.svc.cluster.local',
    'SRV',
    HOSTS.map((host) => `0 25 5432 ${host}.db.default.svc.cluster.local.`),
  ],
  ['db.default.svc.cluster.local', 'A', ['10.244.9.1', '10.244.9.2']],
  ['db.default.svc.cluster.local', 'AAAA', ['fd00:10:244:9::1', 'fd00:10:244:9::2']],
  ['db-1.db.default.svc.cluster.local', 'A', ['10.244.9.2']],
  ['alias.default.svc.cluster.local', 'A', ['10.96.1.1', 'web.default.svc.cluster.local.']],
  ['away.default.svc.cluster.local', 'A', ['198.51.100.7', 'host.example.org.']],
  ['host.example.org', 'A', ['198.51.100.7']],
  ['host.example.org', 'AAAA', ['2001:db8::7']],
  ['nothing.default.svc.cluster.local', 'A', []],
];
const REVERSE: readonly [address: string, name: string][] = [
  ['10.96.1.1', 'web.default.svc.cluster.local.'],
  ['fd00:10:96::102', 'api.other.svc.cluster.local.'],
  ['10.244.9.1', 'db-0.db.default.svc.cluster.local.'],
  ['fd00:10:244:9::2', 'db-1.db.default.svc.cluster.local.'],
];
const LARGE = ['crowd.default.svc.cluster.local', 'crowd.example.org'];

interface Tool {
  readonly name: string;
  /** The command for one question, its output a line per record. */
  ask(server: string, transport: 'UDP' | 'TCP', name: string, type: string): string;
  reverse(server: string, transport: 'UDP' | 'TCP', address: string): string;
}

/** dig and kdig have the same words. */
const digLike = (name: string): Tool => {
  const words = (server: string, transport: string): string =>
    `${name} +short @${server}${transport === 'TCP' ? ' +tcp' : ''}`;
  return {
    name,
    ask: (server, transport, question, type) => `${words(server, transport)} ${question} ${type}`,
    reverse: (server, transport, address) => `${words(server, transport)} -x ${address}`,
  };
};
/** `-a`: asks again over TCP when it is told to. */
const drill: Tool = {
  name: 'drill',
  ask: (server, transport, name, type) => `drill -Q ${drillFlag(transport)} ${name} @${server} ${type}`,
  reverse: (server, transport, address) => `drill -Q ${drillFlag(transport)} -x ${address} @${server}`,
};
const drillFlag = (transport: 'UDP' | 'TCP'): string => (transport === 'TCP' ? '-t' : '-u -a');

const found = findKubectl();
const kubectl = 'path' in found ? found.path : '';
const musl = requireJudge('musl-gcc');

describe('in pods', { skip: 'skip' in found ? found.skip : false, concurrency: false }, () => {
  let cluster: JudgeCluster;
  before(async () => {
    cluster = await startJudgeCluster(kubectl, musl.skip === false);
  });
  after(() => cluster[Symbol.asyncDispose]());

  for (const tool of [digLike('dig'), digLike('kdig'), drill]) {
    const { skip } = requireJudge(tool.name);
    for (const [family, server] of Object.entries(SERVERS)) {
      for (const transport of ['UDP', 'TCP'] as const) {
        it(`${tool.name} gets every record over ${transport} and ${family}`, { skip }, () => {
          const queries = new Map([
            ...TRUTH.map(
              ([name, type]) => [`${name} ${type}`, tool.ask(server, transport, name, type)] as const,
            ),
            ...REVERSE.map(([address]) => [address, tool.reverse(server, transport, address)] as const),
          ]);
          const truth = new Map([
            ...TRUTH.map(([name, type, data]) => [`${name} ${type}`, data] as const),
            ...REVERSE.map(([address, name]) => [address, [name]] as const),
          ]);
          assert.deepEqual(cluster.ask('client', queries), truth);
        });

        it(`${tool.name} gets answers larger than a datagram, asking over ${transport} and ${family}`, {
          skip,
        }, () => {
          const queries = new Map(LARGE.map((name) => [name, tool.ask(server, transport, name, 'A')]));
          for (const [name, lines] of cluster.ask('client', queries)) assert.equal(lines.length, CROWD, name);
        });
      }
    }
  }

  it('dig walks the search path', { skip: requireJudge('dig').skip }, () => {
    const names = ['web', 'api.other', 'web.default.svc', 'api.other.svc.cluster.local', 'host.example.org'];
    const queries = new Map(names.map((name) => [name, `dig +short +search ${name} A`]));
    const answers = ['10.96.1.1', '10.96.1.2', '10.96.1.1', '10.96.1.2', '198.51.100.7'];
    assert.deepEqual(cluster.ask('client', queries), new Map(names.map((name, i) => [name, [answers[i]]])));
  });

  /** Names as programs write them, with what they lead to over either family. */
  const NAMES: readonly [name: string, v4: readonly string[], v6: readonly string[]][] = [
    ['web', ['10.96.1.1'], ['fd00:10:96::101']],
    ['api.other', ['10.96.1.2'], ['fd00:10:96::102']],
    ['web.default.svc', ['10.96.1.1'], ['fd00:10:96::101']],
    ['web.default.svc.cluster.local', ['10.96.1.1'], ['fd00:10:96::101']],
    ['web.default.svc.cluster.local.', ['10.96.1.1'], ['fd00:10:96::101']],
    ['db', ['10.244.9.1', '10.244.9.2'], ['fd00:10:244:9::1', 'fd00:10:244:9::2']],
    ['db-0.db', ['10.244.9.1'], ['fd00:10:244:9::1']],
    ['alias', ['10.96.1.1'], ['fd00:10:96::101']],
    ['away', ['198.51.100.7'], ['2001:db8::7']],
    ['host.example.org', ['198.51.100.7'], ['2001:db8::7']],
    ['host.example.org.', ['198.51.100.7'], ['2001:db8::7']],
    ['nothing', [], []],
  ];
  const PODS: readonly [pod: string, how: string][] = [
    ['client', 'over UDP'],
    ['client-tcp', 'with use-vc'],
    ['client-six', 'of a name server that has an IPv6 address alone'],
    ['client-ndots', 'with ndots:1'],
  ];

  for (const [pod, how] of PODS) {
    it(`glibc finds names along the search path, ${how}`, () => {
      const ask = (name: string, family: 4 | 6): string =>
        `getent ahostsv${family} ${name} | awk '{ print $1 }' | sort -u`;
      const queries = new Map(
        NAMES.flatMap(([name]) => [
          [`4 ${name}`, ask(name, 4)],
          [`6 ${name}`, ask(name, 6)],
        ]),
      );
      const truth = new Map(
        NAMES.flatMap(([name, v4, v6]) => [
          [`4 ${name}`, v4],
          [`6 ${name}`, v6],
        ]),
      );
      assert.deepEqual(cluster.ask(pod, queries), truth);
    });

    it(`glibc finds names of addresses and large answers, ${how}`, () => {
      const names = new Map(
        REVERSE.map(([address]) => [address, `getent hosts ${address} | awk '{ print $2 }'`]),
      );
      const reversed = REVERSE.map(([address, name]) => [address, [name.slice(0, -1)]] as const);
      assert.deepEqual(cluster.ask(pod, names), new Map(reversed));
      const large = cluster.ask(
        pod,
        new Map(LARGE.map((name) => [name, `getent ahostsv4 ${name} | awk '{ print $1 }' | sort -u`])),
      );
      for (const [name, lines] of large) assert.equal(lines.length, CROWD, name);
    });

    it(`musl finds names along the search path, ${how}`, { skip: musl.skip }, () => {
      const queries = new Map<string, string>();
      const truth = new Map<string, readonly string[]>();
      // With as many dots as ndots says, musl takes a name as it is and never walks the search path.
      const isWhole = (name: string): boolean =>
        pod === 'client-ndots' && name.includes('.') && !/cluster\.local|example\.org/.test(name);
      for (const [name, v4, v6] of NAMES) {
        for (const [family, data] of [
          ['4', v4],
          ['6', v6],
        ] as const) {
          queries.set(`${family} ${name}`, `/programs/musl-look-up ${family} ${name}`);
          truth.set(`${family} ${name}`, data.length === 0 || isWhole(name) ? ['-'] : data);
        }
      }
      for (const [address, name] of REVERSE) {
        queries.set(address, `/programs/musl-look-up reverse ${address}`);
        truth.set(address, [name.slice(0, -1)]);
      }
      assert.deepEqual(cluster.ask(pod, queries), truth);
    });
  }

  it('musl gets of large answers what fits, and from 1.2.4 on, which asks again over TCP, all', {
    skip: musl.skip,
  }, () => {
    const loader = `/lib/ld-musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`;
    assert.ok(existsSync(loader));
    const version = 'version';
    const queries = new Map([
      [version, `${loader} 2>&1 | awk '/^Version/ { print $2 }'`],
      ...LARGE.map((name) => [name, `/programs/musl-look-up 4 ${name}`] as const),
    ]);
    const answers = cluster.ask('client', queries);
    const [major = 0, minor = 0, patch = 0] = (answers.get(version)?.[0] ?? '').split('.').map(Number);
    const asksAgain = major * 10_000 + minor * 100 + patch >= 10_204;
    for (const name of LARGE) {
      const lines = answers.get(name) ?? [];
      assert.ok(!lines.includes('-') && lines.length > 0, name);
      if (asksAgain) assert.equal(lines.length, CROWD, name);
    }
  });
});
