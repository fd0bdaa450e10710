import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readConfiguration } from './configuration.ts';
import { corefileSource } from './corefile-source.ts';
import { readKubeDnsConfig, withKubeDnsConfig } from './kube-dns-config.ts';
import { StubDomainError } from './plan-stub-domains.ts';

const STUBS = { stubDomains: '{"corp.example": ["10.0.0.1"]}' };

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'portolan-kube-dns-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('stub domains are served on the addresses and the port of the block for all names', () => {
  const corefile = 'cluster.local:53 {\n whoami\n}\n.:5353 {\n bind 127.0.0.9 ::1\n whoami\n}\n';
  const blocks = readConfiguration(withKubeDnsConfig(corefile, 'Corefile', STUBS), 'Corefile');
  const stub = blocks.at(-1);
  assert.deepEqual(
    stub?.keys.map(({ zone, port }) => [zone.text, port]),
    [['corp.example.', 5353]],
  );
  assert.deepEqual(stub?.settings.bind, ['127.0.0.9', '::1']);
});

test('a stub domain that has a block of its own already is refused with its line', () => {
  const text = withKubeDnsConfig('corp.example {\n whoami\n}\n', 'Corefile', STUBS);
  assert.throws(
    () => readConfiguration(text, 'Corefile'),
    /corp\.example\.:53 is served by the block on line 1/,
  );
});

test('upstreamNameservers take the place of /etc/resolv.conf behind `forward .`, and of nothing else', () => {
  const corefile =
    '. {\n  forward . /etc/resolv.conf {\n    max_concurrent 9\n  }\n}\na.test {\n  forward a.test /etc/resolv.conf\n}\n';
  const text = withKubeDnsConfig(corefile, 'Corefile', {
    upstreamNameservers: '["9.9.9.9", "[2620:fe::fe]:5353"]',
  });
  assert.match(text, /forward \. 9\.9\.9\.9:53 \[2620:fe::fe\]:5353 \{\n {4}max_concurrent 9/);
  assert.match(text, /forward a\.test \/etc\/resolv\.conf/);
});

test('upstreamNameservers that there is no place for are told of', () => {
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const corefile = '. {\n  forward . 192.0.2.1\n}\n';
  const data = { upstreamNameservers: '["9.9.9.9"]' };
  assert.equal(withKubeDnsConfig(corefile, 'Corefile', data, { warn }), corefile);
  assert.match(warnings.join(), /Corefile has no line "forward \. \/etc\/resolv\.conf"/);
});

test('readKubeDnsConfig() reads a mounted ConfigMap, an empty one, and a manifest', async (t) => {
  const path = folder(t);
  assert.deepEqual(await readKubeDnsConfig(path), {});
  writeFileSync(join(path, 'stubDomains'), STUBS.stubDomains);
  mkdirSync(join(path, '..data'));
  assert.deepEqual(await readKubeDnsConfig(path), STUBS);
  const manifest = join(path, 'kube-dns.yaml');
  writeFileSync(manifest, `kind: ConfigMap\ndata:\n  stubDomains: |\n    ${STUBS.stubDomains}\n`);
  assert.deepEqual(await readKubeDnsConfig(manifest), { stubDomains: `${STUBS.stubDomains}\n` });
});

test('readKubeDnsConfig() names the path of what is no ConfigMap or is not there', async (t) => {
  const path = folder(t);
  const manifest = join(path, 'a.yaml');
  for (const [text, problem] of [
    ['kind: Pod\n', /a\.yaml: is no ConfigMap/],
    ['', /a\.yaml: is no ConfigMap/],
    ['a: [\n', /a\.yaml: /],
  ] as const) {
    writeFileSync(manifest, text);
    await assert.rejects(readKubeDnsConfig(manifest), problem);
  }
  await assert.rejects(readKubeDnsConfig(join(path, 'missing')), /missing cannot be read \(ENOENT\)/);
});

test('a changed ConfigMap is another text, a bad one fails when it is loaded', async (t) => {
  const path = folder(t);
  const source = corefileSource({ text: '. {\n  whoami\n}\n', name: 'Corefile' }, { kubeDnsConfig: path });
  const texts = [await source.text()];
  writeFileSync(join(path, 'stubDomains'), STUBS.stubDomains);
  texts.push(await source.text());
  assert.equal((await source.load()).length, 2);
  writeFileSync(join(path, 'stubDomains'), '{"corp.example": "10.0.0.1"}');
  texts.push(await source.text());
  await assert.rejects(source.load(), (error) => {
    assert.ok(error instanceof StubDomainError);
    assert.equal(error.message.startsWith(`${path}: stubDomains: corp.example has no list of servers`), true);
    return true;
  });
  rmSync(path, { recursive: true });
  texts.push(await source.text());
  assert.equal(new Set(texts).size, 4);
});
