import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';

const tool = join(import.meta.dirname, '../tools/check-layers.ts');

/** Runs the layer check on a made-up tree. */
function check(files: Record<string, string>): { status: number | null; output: string } {
  const root = mkdtempSync(join(tmpdir(), 'portolan-layers-'));
  try {
    mkdirSync(join(root, 'src'));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const { status, stdout, stderr } = spawnSync(process.execPath, [tool, root], { encoding: 'utf8' });
    return { status, output: stdout + stderr };
  } finally {
    rmSync(root, { recursive: true });
  }
}

const sound = { 'src/wire/a.ts': "import { x } from '#lib/x.ts';\nexport const a = x;\n" };

describe('check-layers', () => {
  it('passes a tree whose imports run downwards', () => {
    assert.deepEqual(check(sound).status, 0);
  });

  const breaches: Record<string, [path: string, text: string, complaint: RegExp]> = {
    'an upward import': ['src/lib/b.ts', "import '#kernel/nft.ts';", /lib may not import kernel/],
    'a component that imports another': [
      'src/dns/b.ts',
      "import '#node/node.ts';",
      /dns may not import node/,
    ],
    'an upward re-export': ['src/lib/b.ts', "export { y } from '#os/y.ts';", /lib may not import os/],
    'an upward dynamic import': ['src/kube/b.ts', "await import('#cli/main.ts');", /kube may not import cli/],
    'a plan that reaches for effects': [
      'src/dns/plan-x.ts',
      "import { x } from '#os/x.ts';",
      /a plan is pure/,
    ],
    'a plan that opens files': ['src/dns/plan.ts', "import 'node:fs';", /a plan has no effects/],
    'a path out of the folder': ['src/dns/b.ts', "import '../lib/x.ts';", /leaves its folder/],
    'an unknown folder': ['src/misc/b.ts', "import '#lib/x.ts';", /do not know/],
  };
  for (const [what, [path, text, complaint]] of Object.entries(breaches)) {
    it(`fails on ${what}`, () => {
      const { status, output } = check({ ...sound, [path]: text });
      assert.equal(status, 1);
      assert.match(output, complaint);
    });
  }

  it('lets a plan name the types of an effect', () => {
    assert.equal(check({ ...sound, 'src/dns/plan.ts': "import type { X } from '#kernel/x.ts';" }).status, 0);
  });

  it('fails when it checked nothing', () => {
    const { status, output } = check({ 'src/lib/empty.ts': 'export const a = 1;\n' });
    assert.equal(status, 1);
    assert.match(output, /nothing was checked/);
  });
});
