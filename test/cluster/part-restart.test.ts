// Threads that are no node's end: the controllers are replaced, without the others the cluster ends and says so.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ControlClient } from '#cluster/control-client.ts';
import { statePaths } from '#cluster/state-dir.ts';
import { ApiClient } from '#kube/client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { DEPLOYMENTS } from '#kube/resources.ts';
import { launcher, startCluster } from '#test/support/cluster.ts';
import { processesNaming } from '#test/support/host-state.ts';

async function eventually(what: string, check: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (await check()) return;
    await delay(50);
  }
  assert.fail(`${what}: not within 15 s`);
}

describe('a part whose thread ends', () => {
  it('is replaced when it is the controllers: they act on what comes afterwards', async () => {
    using cluster = startCluster('--nodes', '1');
    const control = new ControlClient(statePaths(cluster.dataDir));
    using client = new ApiClient(await loadKubeconfig({ path: cluster.kubeconfig }));
    await control.killPart('controllers');
    await eventually('the controllers are back', async () => {
      const { controllers } = await control.status();
      return controllers.running && controllers.restarts === 1;
    });
    const labels = { app: 'late' };
    const template = {
      metadata: { labels },
      spec: { containers: [{ name: 'echo', image: 'portolan/echo' }] },
    };
    const metadata = { namespace: 'default', name: 'late' };
    await client.create(DEPLOYMENTS, { metadata, spec: { selector: { matchLabels: labels }, template } });
    await eventually('a Deployment has its pod', async () => {
      const { status } = await client.get(DEPLOYMENTS, metadata);
      return status?.availableReplicas === 1;
    });
    assert.match(cluster.portolan('status').stdout, /^last trouble: \S+ controllers: the thread ended/m);
  });

  it('ends the cluster when it is the API server, with an error that names it', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'portolan-parts-'));
    const words = ['up', '--nodes', '1', '--name', 'parts', '--data-dir', dataDir];
    const up = spawn(launcher, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    const [stdout, stderr] = [text(up.stdout), text(up.stderr)];
    const exited = once(up, 'exit');
    const control = new ControlClient(statePaths(dataDir));
    await eventually('the cluster is up', async () => {
      const status = await control.status().catch(() => undefined);
      return status?.phase === 'ready';
    });
    await control.killPart('apiserver');
    const [code] = await exited;
    assert.equal(code, 1, await stdout);
    assert.match(await stderr, /^portolan up: apiserver ended: /m);
    assert.deepEqual(processesNaming(dataDir), []);
    rmSync(dataDir, { recursive: true });
  });
});
