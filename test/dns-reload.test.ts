// `portolan dns` and changes of its Corefile: a good one is taken over at once, a bad one changes nothing and is told of.
import assert from 'node:assert/strict';
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeObject } from '#api/machinery/object.ts';
import {
  askDns,
  type DnsCommand,
  freePort,
  outcomeOf,
  startDnsCommand,
  testFolder,
} from '#test/support/dns-command.ts';
import { startFakeApi } from '#test/support/fake-api.ts';
import { startTroubledApi } from '#test/support/troubled-api.ts';
import { until } from '#test/support/until.ts';

const NAME = 'host.example';

interface Lab {
  readonly port: number;
  readonly folder: string;
  /** The Corefile with this address for the name. */
  readonly corefile: (address: string, more?: string) => string;
  readonly ask: () => Promise<unknown>;
  readonly failures: () => Promise<number>;
}

async function lab(t: TestContext, reload = 'reload'): Promise<Lab> {
  const [port, pages] = [await freePort(), await freePort()];
  const folder = testFolder(t).path;
  return {
    port,
    folder,
    corefile: (address, more = '') => `.:${port} {
    bind 127.0.0.1
    prometheus 127.0.0.1:${pages}
    ${reload}
    hosts {
        ${address} ${NAME}
    }
    ${more}
}
`,
    ask: async () => String(outcomeOf(await askDns(port, NAME))),
    async failures() {
      const text = await (await fetch(`http://127.0.0.1:${pages}/metrics`)).text();
      return Number(/^coredns_reload_failed_total (\d+)$/m.exec(text)?.[1]);
    },
  };
}

async function start(t: TestContext, file: string): Promise<DnsCommand> {
  const command = startDnsCommand(t, ['--conf', file]);
  await command.said(/^serving on /);
  return command;
}

test('a changed Corefile is in force without waiting for the interval, a bad one only tells file, line and why', async (t) => {
  const { folder, corefile, ask, failures } = await lab(t, 'reload 1h');
  const file = join(folder, 'Corefile');
  writeFileSync(file, corefile('192.0.2.1'));
  const command = await start(t, file);
  assert.equal(await failures(), 0);

  writeFileSync(file, corefile('192.0.2.2'));
  await until('the new answer', ask, (found) => found === '192.0.2.2');
  await command.said(/the Corefile has changed, and is in force$/);

  writeFileSync(file, corefile('192.0.2.3', 'whomai'));
  assert.match(
    await command.said(/the old one stays in force/),
    /^\[ERROR\] plugin\/reload: the Corefile has changed, but the old one stays in force: \S+Corefile:8: there is no plugin "whomai" \(did you mean whoami\?\)/,
  );
  assert.equal(await ask(), '192.0.2.2');
  assert.equal(await failures(), 1);

  writeFileSync(file, corefile('192.0.2.4').slice(0, -3));
  assert.match(await command.said(/no closing/), /the old one stays in force: \S+Corefile:1: the block/);
  assert.equal(await failures(), 2);

  writeFileSync(file, corefile('192.0.2.5'));
  await until('the corrected answer', ask, (found) => found === '192.0.2.5');
});

test('a Corefile in a mounted ConfigMap is taken over when the link to its data is exchanged', async (t) => {
  const { folder, corefile, ask } = await lab(t, 'reload 1h');
  const publish = (name: string, text: string): void => {
    writeFileSync(join(folder, name), text);
    rmSync(join(folder, '..data_tmp'), { force: true });
    symlinkSync(name, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  publish('first', corefile('192.0.2.1'));
  symlinkSync('..data', join(folder, 'Corefile'));
  await start(t, join(folder, 'Corefile'));
  publish('second', corefile('192.0.2.2'));
  await until('the new answer', ask, (found) => found === '192.0.2.2');
});

test('without the plugin reload only SIGUSR1 reads the Corefile again', async (t) => {
  const { folder, corefile, ask } = await lab(t, '');
  const file = join(folder, 'Corefile');
  writeFileSync(file, corefile('192.0.2.1'));
  const command = await start(t, file);
  writeFileSync(file, corefile('192.0.2.2', 'nonsense'));
  command.child.kill('SIGUSR1');
  assert.match(await command.said(/the old Corefile stays/), /Corefile:8: there is no plugin "nonsense"/);
  assert.equal(await ask(), '192.0.2.1');
  writeFileSync(file, corefile('192.0.2.2'));
  command.child.kill('SIGUSR1');
  await command.said(/^the Corefile was read again$/);
  assert.equal(await ask(), '192.0.2.2');
  rmSync(file);
  command.child.kill('SIGUSR1');
  await command.said(/the old Corefile stays in force: the Corefile \S+ cannot be read \(ENOENT\)$/);
  assert.equal(await ask(), '192.0.2.2');
});

test('a new port that cannot be had leaves the old Corefile in force, with all its ports', async (t) => {
  const { folder, corefile, ask, failures } = await lab(t);
  const file = join(folder, 'Corefile');
  writeFileSync(file, corefile('192.0.2.1'));
  const command = await start(t, file);
  const taken = await freePort();
  const other = createServer();
  await new Promise<void>((resolve) => {
    other.listen(taken, '127.0.0.1', resolve);
  });
  t.after(() => other.close());
  writeFileSync(file, `${corefile('192.0.2.2')}.:${taken} {\nbind 127.0.0.1\nwhoami\n}\n`);
  await command.said(
    /stays in force: cannot listen on TCP 127\.0\.0\.1 port \d+: another program has the port/,
  );
  assert.equal(await ask(), '192.0.2.1');
  assert.equal(await failures(), 1);
});

test('a bad Corefile is told of once, however many blocks have the plugin reload', async (t) => {
  const { port, folder, corefile, failures } = await lab(t, 'reload 1h');
  const more = `a.example:${port} b.example:${port} {\nbind 127.0.0.1\nreload\n}\n`;
  const file = join(folder, 'Corefile');
  writeFileSync(file, corefile('192.0.2.1') + more);
  const command = await start(t, file);
  writeFileSync(file, `${corefile('192.0.2.1')}${more}c.example {\nnonsense\n}\n`);
  await command.said(/stays in force/);
  await delay(500);
  assert.equal(command.lines().filter((line) => line.includes('stays in force')).length, 1);
  assert.equal(await failures(), 1);
});

/** A server of hosts and of a cluster, whose API server can go away. */
async function clusterLab(t: TestContext) {
  const service = {
    kind: 'Service',
    metadata: { namespace: 'default', name: 'web' },
    spec: { clusterIPs: ['10.96.0.20'], ports: [{ port: 80, protocol: 'TCP' }] },
  };
  const objects = [{ kind: 'Namespace', metadata: { name: 'default' } }, service] as KubeObject[];
  const api = await startTroubledApi(objects);
  t.after(() => api[Symbol.asyncDispose]());
  const { port, folder, corefile, ask, failures } = await lab(t, 'reload 2s 1s');
  const file = join(folder, 'Corefile');
  const write = (address: string, options: string): void => {
    const cluster = `kubernetes cluster.local {\nendpoint ${api.url}\nstartup_timeout 200ms\n${options}\n}`;
    writeFileSync(file, corefile(address, cluster).replace(`${NAME}\n`, `${NAME}\nfallthrough\n`));
  };
  write('192.0.2.1', 'ttl 30');
  const command = await start(t, file);
  const web = async (): Promise<string> =>
    String(outcomeOf(await askDns(port, 'web.default.svc.cluster.local')));
  assert.equal(await web(), '10.96.0.20');
  return { api, write, command, ask, web, failures };
}

test('what is known of the cluster is handed on by a reload: the API server is not asked, nor needed', async (t) => {
  const { api, write, ask, web } = await clusterLab(t);
  const asked = api.asked.length;
  write('192.0.2.2', 'ttl 20');
  await until('the new answer', ask, (found) => found === '192.0.2.2');
  assert.equal(await web(), '10.96.0.20');
  assert.equal(api.asked.length, asked, api.asked.join('\n'));
  await api.goAway();
  write('192.0.2.3', 'ttl 10');
  await until('the next answer', ask, (found) => found === '192.0.2.3');
  assert.equal(await web(), '10.96.0.20');
  await api.comeBack();
  api.api.apply({
    kind: 'Service',
    metadata: { namespace: 'default', name: 'web' },
    spec: { clusterIPs: ['10.96.0.21'], ports: [{ port: 80, protocol: 'TCP' }] },
  } as KubeObject);
  await until('a change after all that', web, (found) => found === '10.96.0.21');
});

test('a Corefile that wants to know more while the API server is away is taken over when it can be known', async (t) => {
  const { api, write, command, ask, web, failures } = await clusterLab(t);
  await api.goAway();
  write('192.0.2.2', 'pods verified');
  await command.said(/stays in force: the objects of the cluster have not come again in time$/);
  assert.equal(await web(), '10.96.0.20');
  assert.equal(await ask(), '192.0.2.1');

  await until('a second attempt', failures, (count) => count > 1);
  await api.comeBack();
  await until('the new answer', ask, (found) => found === '192.0.2.2');
  assert.equal(await web(), '10.96.0.20');
  assert.equal(command.lines().filter((line) => line.includes('stays in force')).length, 1);
});

test('a kubeconfig that was not there for one reload is used by the next', async (t) => {
  const api = await startFakeApi([{ kind: 'Namespace', metadata: { name: 'default' } }] as KubeObject[]);
  t.after(() => api[Symbol.asyncDispose]());
  const { folder, corefile, ask } = await lab(t);
  const file = join(folder, 'Corefile');
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(file, corefile('192.0.2.1'));
  const command = startDnsCommand(t, ['--conf', file, '--kubeconfig', kubeconfig]);
  await command.said(/^serving on /);
  writeFileSync(file, corefile('192.0.2.2', 'kubernetes cluster.local'));
  await command.said(/stays in force: .*kubeconfig/);
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: api.url } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: '' } }],
      'current-context': 'c',
    }),
  );
  writeFileSync(file, corefile('192.0.2.3', 'kubernetes cluster.local'));
  await until('the new answer', ask, (found) => found === '192.0.2.3');
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends a server that is still waiting for its API server at once, with 0`, async (t) => {
    const folder = testFolder(t);
    const corefile =
      '.:0 {\nbind 127.0.0.1\nkubernetes a.b {\nendpoint http://127.0.0.1:1\nstartup_timeout 1h\n}\n}\n';
    const command = startDnsCommand(t, ['--conf', folder.file('Corefile', corefile)]);
    await command.said(/cannot be reached/);
    command.child.kill('SIGUSR1');
    await command.said(/^the Corefile is being read already$/);
    command.child.kill(signal);
    assert.equal(await command.ended(), 0);
    assert.match(command.lines().at(-1) ?? '', /^stopped before it served$/);
  });
}
