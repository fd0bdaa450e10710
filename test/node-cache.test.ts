// `portolan node-cache` in a network namespace of its own, between a pod, a service proxy and two DNS servers: "the
// Service's", which the proxy sends to, and "the cluster's", which the cache asks. Each answers with its own address.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { resolveAddresses } from '#cluster/stub-resolver.ts';
import { Transaction } from '#kernel/nftables.ts';
import { launcher } from '#test/support/cluster.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import {
  CLUSTER_SERVER,
  KUBE_DNS,
  openNodeLab,
  SERVICE_SERVER,
  STUB_SERVER,
  startNodeCache,
  whoAnswers,
  whoAnswersTcp,
} from '#test/support/node-cache-lab.ts';
import { until } from '#test/support/until.ts';

await enterTestNamespace();

const LOCAL = '169.254.20.10';
const LOCAL6 = 'fd00:53::10';
const INTERFACE = 'nodelocaldns';

const lab = await openNodeLab();
after(() => lab[Symbol.asyncDispose]());
const { rtnetlink, nftables, conntrack, pod } = lab;

const localAddresses = (): string[] => {
  const index = rtnetlink.link(INTERFACE)?.index;
  const own = rtnetlink.addresses().filter((address) => address.index === index);
  return own.map(({ address }) => address).filter((address) => !address.startsWith('fe80'));
};
const hasRules = (): boolean => nftables.tables().some(({ name }) => name === 'portolan-node-cache');
/** Flows to or from port 53, by the address asked. */
const trackedServers = (): Set<string> => {
  const found = new Set<string>();
  conntrack.visit(({ original }) => {
    if (original.destinationPort === 53 || original.sourcePort === 53) found.add(original.destination);
  });
  return found;
};

const dummyIsMissing = ((): boolean => {
  try {
    rtnetlink.createLink({ kind: 'dummy', name: 'probe' });
    rtnetlink.deleteLink('probe');
    return false;
  } catch {
    return true;
  }
})();
for (const [kind, skip] of [
  ['dummy', dummyIsMissing && 'this kernel has no dummy devices'],
  ['bridge', !dummyIsMissing && 'this kernel has dummy devices, which are taken first'],
] as const) {
  test(`has its address on a ${kind} device that pods reach`, { skip }, async (t) => {
    const cache = await startNodeCache(t, '-localip', LOCAL);
    assert.equal(rtnetlink.link(INTERFACE)?.kind, kind);
    assert.equal(await whoAnswers(LOCAL, pod), CLUSTER_SERVER);
    await cache.end();
  });
}

test('takes queries to its own addresses and to that of Service kube-dns, from pods and the node', async (t) => {
  assert.equal(await whoAnswers(KUBE_DNS, pod), SERVICE_SERVER);
  const cache = await startNodeCache(t, '-localip', `${LOCAL},${KUBE_DNS},${LOCAL6}`);
  for (const server of [LOCAL, KUBE_DNS, LOCAL6]) {
    for (const netns of [pod, undefined]) {
      assert.equal(await whoAnswers(server, netns), CLUSTER_SERVER, server);
      assert.equal(await whoAnswersTcp(server, netns), CLUSTER_SERVER, server);
    }
  }
  assert.equal(await cache.end(), 0, cache.log());
  assert.equal(await whoAnswers(KUBE_DNS, pod), SERVICE_SERVER);
});

test('queries to it leave nothing in connection tracking', async (t) => {
  const cache = await startNodeCache(t, '-localip', `${LOCAL},${KUBE_DNS},${LOCAL6}`);
  conntrack.deleteFlows(() => true);
  for (const server of [LOCAL, KUBE_DNS, LOCAL6]) {
    for (const netns of [pod, undefined]) {
      await whoAnswers(server, netns, `${netns ?? 'node'}.${server.replaceAll(/[.:]/g, '-')}.cluster.local`);
      await whoAnswersTcp(server, netns);
    }
  }
  // Those of the cache itself are remembered, so that the table is one that would show them.
  assert.deepEqual([...trackedServers()], [CLUSTER_SERVER]);
  await cache.end();
});

test('is gone with SIGTERM; with --skipteardown its interface and rules stay', async (t) => {
  const first = await startNodeCache(t, '-localip', LOCAL);
  assert.deepEqual([localAddresses(), hasRules()], [[`${LOCAL}/32`], true]);
  await first.end();
  assert.deepEqual([rtnetlink.link(INTERFACE), hasRules()], [undefined, false]);
  const second = await startNodeCache(t, '-localip', LOCAL, '-skipteardown=true');
  await second.end();
  assert.deepEqual([localAddresses(), hasRules()], [[`${LOCAL}/32`], true]);
});

test('no query to the address of Service kube-dns is lost while one takes the place of another', async (t) => {
  const words = ['-localip', `${LOCAL},${KUBE_DNS}`];
  const answers = new Map<string, number>();
  const stop = new AbortController();
  const asking = (async () => {
    for (let i = 0; !stop.signal.aborted; i++) {
      // One attempt each; another name every time, so that the cache has to ask.
      const servers = [KUBE_DNS];
      const [by = 'nobody'] = await resolveAddresses(`n${i}.default.svc.cluster.local`, {
        servers,
        netns: pod,
        attempts: 1,
        timeoutMs: 5000,
      });
      answers.set(by, (answers.get(by) ?? 0) + 1);
    }
  })();
  for (let i = 0; i < 3; i++) {
    const cache = await startNodeCache(t, ...words);
    const seen = answers.get(CLUSTER_SERVER) ?? 0;
    await until(
      'the cache is asked',
      async () => Promise.resolve(answers.get(CLUSTER_SERVER) ?? 0),
      (now) => now > seen + 20,
    );
    assert.equal(await cache.end(), 0);
  }
  stop.abort();
  // Rejects when a query had no answer.
  await asking;
  assert.deepEqual([...answers.keys()].sort(), [SERVICE_SERVER, CLUSTER_SERVER]);
});

test('goes on from what one left that was killed, with other addresses', async (t) => {
  const killed = await startNodeCache(t, '-localip', `${LOCAL},${KUBE_DNS}`);
  assert.equal(await killed.end('SIGKILL'), 'SIGKILL');
  // The rules went with the process, so that the Service is the proxy's again.
  assert.deepEqual([localAddresses(), hasRules()], [[`${LOCAL}/32`, `${KUBE_DNS}/32`], false]);
  assert.equal(await whoAnswers(KUBE_DNS, pod), SERVICE_SERVER);
  const next = await startNodeCache(t, '-localip', '169.254.20.11');
  assert.deepEqual(localAddresses(), ['169.254.20.11/32']);
  assert.equal(await whoAnswers('169.254.20.11', pod), CLUSTER_SERVER);
  assert.equal(await whoAnswers(KUBE_DNS, pod), SERVICE_SERVER);
  await next.end();
  assert.deepEqual([rtnetlink.link(INTERFACE), hasRules()], [undefined, false]);
});

test('puts interface and rules back that somebody removed', async (t) => {
  const words = ['-localip', LOCAL, '-syncinterval=100ms'];
  // So that the rules are not the process's own.
  const cache = await startNodeCache(t, ...words, '-skipteardown=true');
  const table = nftables.tables().find(({ name }) => name === 'portolan-node-cache');
  assert.ok(table);
  nftables.run(new Transaction().delete(table));
  rtnetlink.deleteLink(INTERFACE);
  await until(
    'interface and rules',
    () => Promise.resolve(hasRules() && localAddresses().length > 0),
    Boolean,
  );
  assert.equal(await whoAnswers(LOCAL, pod), CLUSTER_SERVER);
  await cache.end();
  const next = await startNodeCache(t, ...words);
  assert.throws(() => nftables.run(new Transaction().delete(table)), /EPERM/);
  await next.end();
  assert.deepEqual([rtnetlink.link(INTERFACE), hasRules()], [undefined, false]);
});

test('answers at an address that the node has already, without an interface, and leaves it there', async (t) => {
  const cache = await startNodeCache(t, '-localip', '10.244.0.1');
  assert.equal(rtnetlink.link(INTERFACE), undefined);
  assert.equal(await whoAnswers('10.244.0.1', pod), CLUSTER_SERVER);
  await cache.end();
  assert.ok(rtnetlink.addresses(4).some(({ address }) => address === '10.244.0.1/32'));
});

test('asks the servers of stub domains; a bad ConfigMap changes nothing and is told of', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-node-cache-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const pidfile = join(folder, 'pid');
  const words = ['-localip', LOCAL, '-kubednscm', folder, '-pidfile', pidfile];
  const cache = await startNodeCache(t, ...words);
  const reload = async (text: string, told: RegExp): Promise<void> => {
    writeFileSync(join(folder, 'stubDomains'), text);
    process.kill(Number(readFileSync(pidfile, 'utf8')), 'SIGUSR1');
    await until('it is told', () => Promise.resolve(cache.log()), told.test.bind(told));
  };
  await reload(`{"corp.example": ["${STUB_SERVER}"]}`, /the Corefile was read again/);
  assert.equal(await whoAnswers(LOCAL, pod, 'db.corp.example'), STUB_SERVER);
  await reload(
    '{"corp.example": "x"}',
    /old Corefile stays in force: .*stubDomains: corp\.example has no list/,
  );
  assert.equal(await whoAnswers(LOCAL, pod, 'other.corp.example'), STUB_SERVER);
  const response = await fetch('http://127.0.0.1:9353/metrics');
  assert.match(await response.text(), /setup_errors_total\{errortype="configmap"\} 1/);
  await cache.end();
});

const WRONG: Record<string, [words: string[], message: RegExp, code: number]> = {
  'no address': [[], /--localip is missing: addresses such as/, 2],
  'what is no address': [
    ['-localip', '10.0.0'],
    /--localip 10\.0\.0: "10\.0\.0" is no address of one host/,
    2,
  ],
  'an address that is nowhere': [
    ['-localip', LOCAL, '-setupinterface=false'],
    new RegExp(`${LOCAL} port \\d+: this machine does not have the address`),
    1,
  ],
  'a template that is not there': [
    ['-localip', LOCAL, '-basecorefile', '/nowhere/Corefile.base'],
    /--basecorefile \/nowhere\/Corefile\.base cannot be read \(ENOENT\)/,
    1,
  ],
  'a name that no interface can have': [
    ['-localip', LOCAL, '-interfacename', 'much-too-long-name'],
    /--interfacename much-too-long-name: 1 to 15 characters/,
    2,
  ],
  'a duration that is none': [
    ['-localip', LOCAL, '-syncinterval', 'soon'],
    /--syncinterval soon: a duration/,
    2,
  ],
};
for (const [what, [words, message, code]] of Object.entries(WRONG)) {
  test(`refuses ${what}, and leaves nothing behind`, async (t) => {
    const cache = await startNodeCache(t, ...words);
    assert.match(cache.log(), message);
    assert.equal(cache.log().match(/^portolan /gm)?.length, 1, cache.log());
    assert.equal(await cache.end(), code);
    assert.deepEqual([rtnetlink.link(INTERFACE), hasRules()], [undefined, false]);
  });
}

test('refuses to work beside another one, which goes on', async (t) => {
  const cache = await startNodeCache(t, '-localip', LOCAL);
  const other = await startNodeCache(t, '-localip', '169.254.20.11', '-metrics-listen-address', 'off');
  assert.match(other.log(), /--setupiptables: .*another node cache is at work on this node/);
  assert.equal(await other.end(), 1);
  assert.equal(await whoAnswers(LOCAL, pod), CLUSTER_SERVER);
  await cache.end();
});

test('tells that a port is taken, and takes the interface away again', async (t) => {
  const other = createServer().listen(53, '10.244.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const cache = await startNodeCache(t, '-localip', `${LOCAL},10.244.0.1`);
  assert.match(cache.log(), /cannot listen on TCP 10\.244\.0\.1 port 53: another program has the port/);
  assert.equal(await cache.end(), 1);
  assert.deepEqual([rtnetlink.link(INTERFACE), hasRules()], [undefined, false]);
});

test('tells in one line that NET_ADMIN is missing, and what goes without', async () => {
  const words = ['--bounding-set', '-net_admin', launcher, 'node-cache', '--clusterdns', CLUSTER_SERVER];
  for (const [flags, told] of [
    [[], '--setupiptables=false'],
    [['-setupiptables=false'], '--setupinterface=false'],
  ] as const) {
    const child = spawn('setpriv', [...words, '-localip', LOCAL, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, 1);
    assert.match(
      log,
      new RegExp(`^portolan node-cache: .*NET_ADMIN is missing \\(EPERM\\); ${told} goes without\n$`),
    );
  }
});
