import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { buryOrphans } from './orphans.ts';

await enterTestNamespace({ pid: true });

/** Starts a child that ends when told to, tells its number, and stays. */
const PARENT = `
  const { parentPort } = require('node:worker_threads');
  const child = require('node:child_process').spawn('sleep', ['30']);
  parentPort.postMessage(child.pid);
  setInterval(() => {}, 1000);
`;

/** As a container: process 1 of a PID namespace of its own. */
const CONTAINER_PARENT = `
  import(${JSON.stringify(import.meta.resolve('./namespace.ts'))}).then(({ withNamespaces }) =>
    withNamespaces({ newPidForChildren: true }, () => { ${PARENT} }));
`;

function stateOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '')[0];
  } catch {
    return undefined;
  }
}

async function startOrphan(parent = PARENT): Promise<number> {
  const worker = new Worker(parent, { eval: true });
  const [pid] = (await once(worker, 'message')) as [number];
  await worker.terminate();
  return pid;
}

describe('buryOrphans()', () => {
  it('takes away what a worker that has ended leaves behind', async () => {
    using burying = buryOrphans();
    assert.ok(burying);
    const pid = await startOrphan();
    assert.equal(stateOf(pid), 'S');
    process.kill(pid, 'SIGKILL');
    for (let attempt = 0; attempt < 100 && stateOf(pid) !== undefined; attempt++) await delay(20);
    assert.equal(stateOf(pid), undefined);
  });

  it('ends a container whose thread has ended', async () => {
    using burying = buryOrphans();
    assert.ok(burying);
    const pid = await startOrphan(CONTAINER_PARENT);
    for (let attempt = 0; attempt < 100 && stateOf(pid) !== undefined; attempt++) await delay(50);
    assert.equal(stateOf(pid), undefined);
  });

  it('leaves the children of living workers to them', async () => {
    using burying = buryOrphans();
    assert.ok(burying);
    const worker = new Worker(
      `require('node:child_process').spawn('sh', ['-c', 'exit 7'])
        .on('exit', (code) => require('node:worker_threads').parentPort.postMessage(code))`,
      { eval: true },
    );
    assert.deepEqual(await once(worker, 'message'), [7]);
  });
});
