/** `delv`, BIND's validator, as a judge of answers from signed zones. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startTestCorefile } from '#test/support/dns-server.ts';
import { requireJudge } from '#test/support/judge.ts';
import { signZone } from '#test/support/sign-zone.ts';

const { skip } = requireJudge('delv');

const LINES = [
  'test. 60 SOA ns.test. host.test. 1 7200 3600 1209600 60',
  'test. 60 NS ns.test.',
  'ns.test. 60 A 192.0.2.1',
  'www.test. 60 A 192.0.2.2',
  'www.test. 60 A 192.0.2.3',
  'alias.test. 60 CNAME www.test.',
  '*.w.test. 60 A 192.0.2.4',
  'host.w.test. 60 A 192.0.2.5',
  'a.b.c.test. 60 A 192.0.2.6',
  'insec.test. 60 NS ns.insec.test.',
  'ns.insec.test. 60 A 192.0.2.7',
];

const CASES: readonly [name: string, type: string, verdict: RegExp][] = [
  ['www.test', 'A', /^; fully validated\n[^]*192\.0\.2\.3/],
  ['alias.test', 'A', /^; fully validated\n[^]*CNAME[^]*192\.0\.2\.2/],
  ['x.w.test', 'A', /^; fully validated\n[^]*192\.0\.2\.4/],
  ['x.w.test', 'TXT', /negative response, fully validated/],
  ['host.w.test', 'TXT', /negative response, fully validated/],
  ['b.c.test', 'A', /negative response, fully validated/],
  ['nobody.test', 'A', /negative response, fully validated/],
  ['zz.test', 'A', /negative response, fully validated/],
  ['0.test', 'A', /negative response, fully validated/],
  ['x.host.w.test', 'A', /negative response, fully validated/],
  ['insec.test', 'DS', /negative response, fully validated/],
  ['test', 'DNSKEY', /^; fully validated/],
];

test('delv finds every answer of a signed zone proven', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-delv-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { text, key } = signZone('test.', LINES);
  const [zoneFile, anchors] = [join(folder, 'db.test'), join(folder, 'anchors')];
  writeFileSync(zoneFile, text);
  writeFileSync(anchors, `trust-anchors { test. static-key 257 3 13 "${key}"; };\n`);
  const corefile = `.:0 {\nbind 127.0.0.1\nfile ${zoneFile} test\n}`;
  const { port } = await startTestCorefile(t, corefile);
  for (const [name, type, verdict] of CASES) {
    const args = ['@127.0.0.1', '-p', String(port), '-a', anchors, '+root=test', name, type];
    const { stdout, stderr } = await promisify(execFile)('delv', args);
    assert.match(stdout, verdict, `${name} ${type}: ${stderr}`);
  }
});
