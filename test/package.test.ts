// What users install: the packed tarball, in an empty folder, outside of the checkout.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { run } from '#test/support/cluster.ts';

const root = join(import.meta.dirname, '..');

describe('the npm package', { concurrency: false }, () => {
  let folder: string;
  let program: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'portolan-package-'));
    const packed = run('npm', ['pack', '--silent', '--pack-destination', folder, root]);
    assert.equal(packed.status, 0, packed.stderr);
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
    assert.ok(tarball);
    const target = join(folder, 'app');
    mkdirSync(target);
    const allowed = { koffi: true, node: true, esbuild: true };
    writeFileSync(
      join(target, 'package.json'),
      JSON.stringify({ name: 'app', private: true, allowScripts: allowed }),
    );
    const install = ['install', '--no-audit', '--no-fund', '--prefix', target, join(folder, tarball)];
    // It downloads a Node, 100 MB, unless npm has one in its cache.
    const installed = run('npm', install, { limitMs: 600_000 });
    assert.equal(installed.status, 0, installed.stderr);
    program = join(target, 'node_modules/.bin/portolan');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('says its version', () => {
    const { status, stdout, stderr } = run(program, ['version']);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /0\.1\.0/);
  });

  it('brings a cluster up and down', () => {
    const args = ['--name', `package-${process.pid}`, '--data-dir', join(folder, 'data')];
    try {
      const up = run(program, ['up', '--detach', '--nodes', '1', ...args]);
      assert.equal(up.status, 0, up.stderr + up.stdout);
      const status = run(program, ['status', ...args, '-o', 'json']);
      assert.equal(status.status, 0, status.stderr);
    } finally {
      const down = run(program, ['down', ...args]);
      assert.equal(down.status, 0, down.stderr);
    }
  });
});

describe('the launcher', () => {
  it('tells the owner of an old Node in one line what is needed', () => {
    const folder = mkdtempSync(join(tmpdir(), 'portolan-launcher-'));
    try {
      const old = '#!/bin/sh\ncase "$1" in --version) echo v18.0.0 ;; *) exit 1 ;; esac\n';
      writeFileSync(join(folder, 'node'), old, { mode: 0o755 });
      run('cp', [join(root, 'portolan'), folder]);
      const { status, stderr } = run('sh', [join(folder, 'portolan')], {
        env: { PATH: `${folder}:${process.env['PATH']}` },
      });
      assert.equal(status, 1);
      assert.match(stderr, /^portolan: Node v18\.0\.0 is too old: 24\.12 or later is needed.*\n$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
