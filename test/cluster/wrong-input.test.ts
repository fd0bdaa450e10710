// What users get wrong: one precise line, the usual exit code, nothing left behind.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { launcher, run } from '#test/support/cluster.ts';
import { processesNaming } from '#test/support/host-state.ts';

const folder = mkdtempSync(join(tmpdir(), 'portolan-wrong-'));
after(() => rmSync(folder, { recursive: true }));
let counter = 0;

/** Runs `portolan up` in a data directory of its own; nothing of it may be left. */
function refusedUp(args: readonly string[], code: number, message: RegExp, dataDir = newDataDir()): void {
  const { status, stdout, stderr } = run(launcher, ['up', '--data-dir', dataDir, ...args]);
  assert.match(stderr, message);
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  assert.equal(stdout, '');
  assert.equal(status, code);
  assert.deepEqual(processesNaming(dataDir), []);
  assert.ok(!existsSync(join(dataDir, 'control.sock')));
}

function newDataDir(): string {
  counter += 1;
  return join(folder, `data-${counter}`);
}

describe('portolan', () => {
  const usage: Record<string, [args: string[], message: RegExp]> = {
    'an unknown command': [['upp'], /^portolan: unknown command "upp"; portolan --help lists them$/m],
    'an unknown flag': [['up', '--nods', '3'], /^portolan up: unknown flag --nods, did you mean --nodes\?/],
    'a value that is no number': [
      ['up', '--nodes', 'three'],
      /--nodes three: a whole number from 1 to 64 is expected/,
    ],
    'too many nodes': [['up', '--nodes', '65'], /--nodes 65: a whole number/],
    'an unknown family': [
      ['up', '--ip-family', 'ipx'],
      /--ip-family ipx: one of ipv4, ipv6, dual is expected/,
    ],
    'a name that is no label': [
      ['up', '--name', 'a/b'],
      /--name a\/b: lower case letters, digits and dashes/,
    ],
    'a zone that is no label value': [['up', '--zones', 'a,,b'], /--zones a,,b: "" is no label value/],
    'a missing target': [['enter'], /^portolan enter: TARGET is missing/],
    'an unknown image action': [
      ['image', 'push'],
      /^portolan image: "push": load, list or remove is expected/,
    ],
    'a command line that is no list': [
      ['image', 'load', 'x', '--cmd', 'sh'],
      /--cmd sh: a JSON list of strings such as/,
    ],
  };
  for (const [what, [args, message]] of Object.entries(usage)) {
    it(`ends with 2 and one line for ${what}`, () => {
      const { status, stderr } = run(launcher, args);
      assert.match(stderr, message);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
      assert.equal(status, 2);
    });
  }

  it('shows examples in the help of every command', () => {
    const list = run(launcher, ['--help']);
    assert.equal(list.status, 0);
    const names = [...list.stdout.matchAll(/^ {2}(\w+) {2,}\S/gm)].map(([, name]) => name ?? '');
    assert.ok(names.includes('up') && names.includes('dns'), list.stdout);
    for (const name of names) {
      const { status, stdout } = run(launcher, [name, '--help']);
      assert.equal(status, 0, name);
      assert.match(stdout, /^Usage: portolan [^]*^Examples:\n {2}\S/m, name);
    }
  });
});

describe('portolan up', () => {
  it('names file, line and field of a manifest that cannot be read', () => {
    const file = join(folder, 'web.yaml');
    writeFileSync(file, 'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  prts: []\n');
    refusedUp(['-f', file], 1, /web\.yaml:5: spec\.prts: unknown field/);
    refusedUp(['-f', join(folder, 'nowhere.yaml')], 1, /-f \S*nowhere\.yaml: ENOENT/);
  });

  it('names the port that is taken, and the flag for another one', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    refusedUp(
      ['--api-port', String(address.port)],
      1,
      new RegExp(`port ${address.port} of 127.0.0.1.* is taken: .*--api-port`),
    );
    server.close();
  });

  it('refuses the data directory of a newer version and leaves it alone', () => {
    const dataDir = newDataDir();
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'cluster.json'), '{"version": 99}');
    refusedUp([], 1, /was written by a newer Portolan \(layout 99, this one knows \d+\)/, dataDir);
    assert.deepEqual(readdirSync(dataDir), ['cluster.json']);
  });

  it('says that a data directory cannot be made, and with which flag another is chosen', () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    const dataDir = join(file, 'data');
    refusedUp([], 1, /the data directory cannot be written \(ENOTDIR: .*a-file.*--data-dir/, dataDir);
  });

  it('names the sysctl that forbids user namespaces', () => {
    // A nested user namespace in which no further one may be made, and a process there without capabilities.
    const dataDir = newDataDir();
    const script = `echo 0 > /proc/sys/user/max_user_namespaces &&
      exec setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all "$0" up --data-dir "$1"`;
    const { status, stderr } = run('unshare', [
      '--user',
      '--map-root-user',
      'sh',
      '-c',
      script,
      launcher,
      dataDir,
    ]);
    assert.match(
      stderr,
      /^portolan up: no more namespaces are allowed \(ENOSPC\): raise sysctl user\.max_user_namespaces, which is 0\n$/,
    );
    assert.equal(status, 1);
    assert.deepEqual(processesNaming(dataDir), []);
  });
});
