import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '#test/support/dns-command.ts';
import { startTestDns } from '#test/support/dns-server.ts';

const MINUTE = 60_000;

for (const [monitor, later] of [
  ['', 503],
  [' {\nmonitor until-ready\n}', 200],
] as const) {
  test(`/ready is ${later} with ready${monitor.replaceAll('\n', ' ')} when the API server was not heard for a quarter of an hour`, async (t) => {
    const pages = await freePort();
    const plugins = `ready 127.0.0.1:${pages}${monitor}\nkubernetes cluster.local`;
    await startTestDns(t, { objects: [{ kind: 'Namespace', metadata: { name: 'default' } }], plugins });
    const status = async (): Promise<number> => (await fetch(`http://127.0.0.1:${pages}/ready`)).status;
    assert.equal(await status(), 200);
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 14 * MINUTE });
    assert.equal(await status(), 200);
    t.mock.timers.setTime(Date.now() + 2 * MINUTE);
    assert.equal(await status(), later);
  });
}
