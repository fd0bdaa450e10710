import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import { describe, it } from 'node:test';
import { closeFd } from './fd-ledger.ts';
import { makePipe } from './pipe.ts';
import { waitReadable } from './readable.ts';

describe('waitReadable()', () => {
  it('resolves when one of the descriptors has something to read, and not before', async () => {
    const [one, other] = [makePipe(), makePipe()];
    let resolved = false;
    const waiting = waitReadable([one.read, other.read]).then(() => {
      resolved = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 700));
    assert.equal(resolved, false);
    writeSync(other.write, 'x');
    await waiting;
    for (const fd of [one.read, one.write, other.read, other.write]) closeFd(fd);
  });

  it('does not keep the program from exiting', () => {
    const script = `
      const { makePipe } = await import(${JSON.stringify(import.meta.resolve('./pipe.ts'))});
      const { waitReadable } = await import(${JSON.stringify(import.meta.resolve('./readable.ts'))});
      void waitReadable([makePipe().read]);
      setTimeout(() => process.exit(3), 50);`;
    const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      timeout: 20_000,
    });
    assert.equal(status, 3);
  });
});
