// A node's thread ends: another one takes its place, its pods run again, nobody else notices, nothing of it is left.
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { get } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Pod } from '#api/core/v1.gen.ts';
import { ControlClient } from '#cluster/control-client.ts';
import { statePaths } from '#cluster/state-dir.ts';
import { ApiClient } from '#kube/client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { PODS, SERVICES } from '#kube/resources.ts';
import { startCluster, type TestCluster } from '#test/support/cluster.ts';
import { processTree } from '#test/support/host-state.ts';

/** Longer than any pause that a part makes on its way back. */
const REST_MS = 3000;
/** Connections that clients keep idle come and go; a node has far more sockets than these. */
const IDLE_SOCKETS = 20;

function echoPod(name: string, nodeName: string): Pod {
  return {
    metadata: { namespace: 'default', name, labels: { app: name } },
    spec: { nodeName, containers: [{ name: 'echo', image: 'portolan/echo' }] },
  };
}

describe('a node whose thread ends', { concurrency: false }, () => {
  let cluster: TestCluster;
  let client: ApiClient;
  let control: ControlClient;

  before(async () => {
    cluster = startCluster('--nodes', '2');
    control = new ControlClient(statePaths(cluster.dataDir));
    client = new ApiClient(await loadKubeconfig({ path: cluster.kubeconfig }));
    await client.create(PODS, echoPod('stays', 'node-1'));
    await client.create(PODS, echoPod('falls', 'node-2'));
    for (const [name, nodePort] of [
      ['stays', 30201],
      ['falls', 30202],
    ] as const) {
      await client.create(SERVICES, {
        metadata: { namespace: 'default', name },
        spec: {
          type: 'NodePort',
          selector: { app: name },
          ports: [{ port: 80, targetPort: 8080, nodePort }],
        },
      });
      await eventually(`${name} answers`, () => answers(nodePort));
    }
  });
  after(() => {
    client?.[Symbol.dispose]();
    cluster?.[Symbol.dispose]();
  });

  /** Asks through the first node, whose thread stays; each time over a new connection. */
  async function answers(nodePort: number): Promise<boolean> {
    const [node] = (await control.status()).nodes;
    return new Promise((resolve) => {
      const question = get(
        { host: node?.hostAddress, port: nodePort, agent: false, timeout: 2000 },
        (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode === 200));
        },
      );
      question.on('timeout', () => question.destroy());
      question.on('error', () => resolve(false));
    });
  }

  /** Ends the thread of the second node and waits until its pod answers again. */
  async function killAndWait(restarts: number): Promise<void> {
    await control.killPart('node-2');
    await eventually('the node is back', async () => {
      const node = (await control.status()).nodes[1];
      return node?.ready === true && node.restarts === restarts;
    });
    await eventually('its pod answers again', () => answers(30202));
  }

  it('is replaced and runs its pods again, while traffic to other nodes never fails', async () => {
    let asked = 0;
    let failed = 0;
    const done = new AbortController();
    const asking = (async () => {
      while (!done.signal.aborted) {
        asked += 1;
        if (!(await answers(30201))) failed += 1;
        await delay(5);
      }
    })();
    await killAndWait(1);
    done.abort();
    await asking;
    assert.ok(asked > 10);
    assert.equal(failed, 0);
  });

  it('leaves no descriptor, namespace or process, however often it ends', async () => {
    const pid = await pidOf(control);
    const before = await settled(pid);
    await killAndWait(2);
    const { sockets, ...now } = await settled(pid);
    const { sockets: socketsBefore, ...expected } = before;
    assert.deepEqual(now, expected);
    assert.ok(sockets < socketsBefore + IDLE_SOCKETS, `${sockets} sockets, there were ${socketsBefore}`);
  });
});

/** The supervisor's state once it has not changed for a while: pods are back, idle connections closed. */
async function settled(pid: number): Promise<SupervisorState> {
  let last = supervisorState(pid);
  let since = performance.now();
  await eventually('the cluster is at rest', () => {
    const now = supervisorState(pid);
    if (!isDeepStrictEqual(now, last)) since = performance.now();
    last = now;
    return performance.now() - since > REST_MS;
  });
  return last;
}

async function pidOf(control: ControlClient): Promise<number> {
  return (await control.status()).pid;
}

interface SupervisorState {
  readonly sockets: number;
  readonly otherDescriptors: number;
  readonly namespaces: number;
  readonly processes: number;
}

function supervisorState(pid: number): SupervisorState {
  const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';
    }
  });
  const sockets = targets.filter((target) => target.startsWith('socket:')).length;
  return {
    sockets,
    otherDescriptors: targets.length - sockets,
    namespaces: new Set(targets.filter((target) => target.startsWith('net:'))).size,
    processes: processTree(pid).length,
  };
}

async function eventually(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (await check()) return;
    await delay(50);
  }
  assert.fail(`${what}: not within 15 s`);
}
