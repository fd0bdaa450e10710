// `portolan dns --kube-dns-config`: stub domains and upstream name servers of a kube-dns ConfigMap.
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

import { launcher, run } from '#test/support/cluster.ts';
import { askDns, freePort, outcomeOf, startDnsCommand, testFolder } from '#test/support/dns-command.ts';
import { startTestCorefile } from '#test/support/dns-server.ts';
import { until } from '#test/support/until.ts';

/** A server that answers every question with one address; its port. */
async function serverSaying(t: TestContext, address: string): Promise<number> {
  const text = `.:0 {\n bind 127.0.0.1\n template IN A {\n  answer "{{ .Name }} 60 IN A ${address}"\n }\n}\n`;
  return (await startTestCorefile(t, text)).port;
}

/** Puts keys into a folder as the kubelet does: all of them change at once. */
function mountConfigMap(folder: string, version: string, data: Readonly<Record<string, string>>): void {
  mkdirSync(join(folder, version));
  for (const [key, value] of Object.entries(data)) {
    writeFileSync(join(folder, version, key), value);
    rmSync(join(folder, key), { force: true });
    symlinkSync(join('..data', key), join(folder, key));
  }
  symlinkSync(version, join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
}

test('a mounted ConfigMap is taken over as it changes; a bad one changes nothing and is told of once', async (t) => {
  const [port, stub, upstream] = [
    await freePort(),
    await serverSaying(t, '192.0.2.1'),
    await serverSaying(t, '192.0.2.2'),
  ];
  const folder = testFolder(t);
  const mounted = join(folder.path, 'kube-dns');
  mkdirSync(mounted);
  const conf = folder.file(
    'Corefile',
    `.:${port} {\n bind 127.0.0.1\n reload 2s 1s\n forward . /etc/resolv.conf\n}\n`,
  );
  const command = startDnsCommand(t, ['--conf', conf, '--kube-dns-config', mounted]);
  await command.said(/^serving on /);
  const ask = async (name: string): Promise<string> => String(outcomeOf(await askDns(port, name)));
  mountConfigMap(mounted, '..1', {
    stubDomains: `{"corp.example": ["127.0.0.1:${stub}"]}`,
    upstreamNameservers: `["127.0.0.1:${upstream}"]`,
  });
  await until(
    'the stub domain',
    () => ask('db.corp.example'),
    (found) => found === '192.0.2.1',
  );
  assert.equal(await ask('www.example.org'), '192.0.2.2');

  mountConfigMap(mounted, '..2', { stubDomains: '{"corp.example": [1]}', upstreamNameservers: '[]' });
  assert.match(
    await command.said(/old one stays in force/),
    new RegExp(`${mounted}: stubDomains: corp.example: 1 is neither an address nor ADDRESS:PORT`),
  );
  assert.equal(await ask('other.corp.example'), '192.0.2.1');
  assert.equal(command.lines().filter((line) => line.includes('stays in force')).length, 1);

  mountConfigMap(mounted, '..3', {
    stubDomains: `{"corp.example": ["127.0.0.1:${upstream}"]}`,
    upstreamNameservers: `["127.0.0.1:${upstream}"]`,
  });
  await until(
    'the corrected one',
    () => ask('third.corp.example'),
    (found) => found === '192.0.2.2',
  );
});

test('check shows the Corefile that comes of it, from a manifest too', (t) => {
  const folder = testFolder(t);
  const conf = folder.file('Corefile', '. {\n forward . /etc/resolv.conf\n}\n');
  const manifest = folder.file(
    'kube-dns.yaml',
    'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: kube-dns\ndata:\n  stubDomains: |\n    {"corp.example": ["10.0.0.1"]}\n  upstreamNameservers: |\n    ["9.9.9.9"]\n',
  );
  const { status, stdout, stderr } = run(launcher, [
    'dns',
    'check',
    conf,
    '--kube-dns-config',
    manifest,
    '--print',
  ]);
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, /^\. \{\n forward \. 9\.9\.9\.9:53\n\}\ncorp\.example\.:53 \{\n/);
  assert.match(stdout, /asks 10\.0\.0\.1:53 about names in \./);
});

const WRONG: Record<string, [data: string, problem: RegExp]> = {
  'servers that are no list': ['{"a.test": "10.0.0.1"}', /stubDomains: a\.test has no list of servers/],
  'what is no JSON': ['{', /stubDomains: is no JSON/],
};
for (const [what, [stubDomains, problem]] of Object.entries(WRONG)) {
  test(`a ConfigMap with ${what} is refused at the start, with its path`, async (t) => {
    const folder = testFolder(t);
    folder.file('stubDomains', stubDomains);
    const command = startDnsCommand(t, [
      '--listen',
      `127.0.0.1:${await freePort()}`,
      '--kube-dns-config',
      folder.path,
    ]);
    assert.equal(await command.ended(), 1);
    const [line = '', ...more] = command.lines();
    assert.match(line, problem);
    assert.ok(line.startsWith(`portolan dns: ${folder.path}: `), line);
    assert.deepEqual(more, []);
  });
}

test('a ConfigMap that is not there is refused at the start', async (t) => {
  const command = startDnsCommand(t, ['--kube-dns-config', '/nowhere/kube-dns']);
  assert.equal(await command.ended(), 1);
  assert.deepEqual(command.lines(), [
    'portolan dns: the kube-dns ConfigMap /nowhere/kube-dns cannot be read (ENOENT)',
  ]);
});
