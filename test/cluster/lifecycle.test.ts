// A cluster comes and goes: what it leaves, what it keeps, what it survives.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterStatus } from '#cluster/status.ts';
import { ApiClient } from '#kube/client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { CONFIG_MAPS, NODES, SERVICES } from '#kube/resources.ts';
import { isErrno } from '#os/libc.ts';
import { launcher, startCluster, type TestCluster } from '#test/support/cluster.ts';
import { alive, hostState, processTree } from '#test/support/host-state.ts';

function statusOf(cluster: TestCluster): ClusterStatus {
  const { status, stdout, stderr } = cluster.portolan('status', '-o', 'json');
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as ClusterStatus;
}

async function clientOf(cluster: TestCluster): Promise<ApiClient> {
  return new ApiClient(await loadKubeconfig({ path: cluster.kubeconfig }));
}

async function eventually(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await check()) return;
    await delay(50);
  }
  assert.fail(`${what}: not within 10 s`);
}

function up(cluster: TestCluster, ...args: string[]): void {
  const { status, stderr } = cluster.portolan('up', '--detach', ...args);
  assert.equal(status, 0, stderr);
}

describe('portolan up', () => {
  it('leaves the host as it was, while it runs and afterwards', async () => {
    const before = hostState();
    const cluster = startCluster('--nodes', '2');
    let tree: number[];
    try {
      assert.deepEqual(hostState(), before);
      tree = processTree(statusOf(cluster).pid);
      assert.ok(tree.length > 1, 'cluster DNS has processes of its own');
    } finally {
      cluster[Symbol.dispose]();
    }
    assert.deepEqual(alive(tree), []);
    assert.deepEqual(hostState(), before);
  });

  it('finds the objects of last time, with the same port, authority and administrator', async () => {
    using cluster = startCluster('--nodes', '1');
    const before = statusOf(cluster);
    using client = await clientOf(cluster);
    await client.create(CONFIG_MAPS, { metadata: { namespace: 'default', name: 'kept' }, data: { a: 'b' } });
    assert.equal(cluster.portolan('down').status, 0);
    assert.equal(cluster.portolan('status').status, 1);
    up(cluster, '--nodes', '1');
    assert.equal(statusOf(cluster).apiServer, before.apiServer);
    // The same client: its certificate and what it trusts are still good.
    const kept = await client.get(CONFIG_MAPS, { namespace: 'default', name: 'kept' });
    assert.deepEqual(kept.data, { a: 'b' });
  });

  it('leaves nothing when its supervisor is killed, and restores every object at the next up', async () => {
    const before = hostState();
    using cluster = startCluster('--nodes', '1');
    using client = await clientOf(cluster);
    await client.create(CONFIG_MAPS, { metadata: { namespace: 'default', name: 'kept' } });
    const { pid } = statusOf(cluster);
    const tree = processTree(pid);
    process.kill(pid, 'SIGKILL');
    await eventually('every process has ended', () => alive(tree).length === 0);
    assert.deepEqual(hostState(), before);
    assert.equal(cluster.portolan('status').status, 1);
    up(cluster, '--nodes', '1');
    await client.get(CONFIG_MAPS, { namespace: 'default', name: 'kept' });
  });

  it('forgets nodes that it no longer has', async () => {
    using cluster = startCluster('--nodes', '2');
    cluster.portolan('down');
    up(cluster, '--nodes', '1');
    using client = await clientOf(cluster);
    await eventually('one node is left', async () => (await client.list(NODES)).items.length === 1);
  });

  it('runs beside other clusters, each with ports and loopback addresses of its own', () => {
    using one = startCluster('--nodes', '1');
    using other = startCluster('--nodes', '1');
    const [first, second] = [statusOf(one), statusOf(other)];
    for (const key of ['apiServer', 'proxy', 'pid'] as const) assert.notEqual(first[key], second[key]);
    assert.notEqual(first.nodes[0]?.hostAddress, second.nodes[0]?.hostAddress);
    assert.equal(one.portolan('down').status, 0);
    assert.equal(statusOf(other).phase, 'ready');
  });

  it('publishes node ports on loopback addresses, and takes them back with their Service', async () => {
    using cluster = startCluster('--nodes', '1');
    using client = await clientOf(cluster);
    await client.create(SERVICES, {
      metadata: { namespace: 'default', name: 'web' },
      spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 30123 }] },
    });
    const [node] = statusOf(cluster).nodes;
    assert.ok(node);
    await eventually('the port is listed', () =>
      statusOf(cluster).published.some(({ nodePort }) => nodePort === 30123),
    );
    assert.ok(await accepts(node.hostAddress, 30123));
    await client.delete(SERVICES, { namespace: 'default', name: 'web' });
    await eventually('the port is closed', async () => !(await accepts(node.hostAddress, 30123)));
  });

  it('refuses to bring the same cluster up twice', () => {
    using cluster = startCluster('--nodes', '1');
    const { status, stderr } = cluster.portolan('up', '--detach');
    assert.equal(status, 1);
    assert.match(stderr, /^portolan up: cluster "[^"]+" is up already \(process \d+\)[^\n]*\n$/);
  });
});

describe('portolan enter', () => {
  it('runs a command in the network of a node and of the outside host, and passes its exit code on', () => {
    using cluster = startCluster('--nodes', '1');
    const inNode = cluster.portolan('enter', 'node/node-1', '--', 'ip', '-4', 'addr', 'show', 'eth0');
    assert.match(inNode.stdout, /172\.30\.0\.11/);
    const outside = cluster.portolan('enter', 'outside', '--', 'ip', '-4', 'addr', 'show', 'eth0');
    assert.match(outside.stdout, /172\.30\.255\.2/);
    assert.equal(cluster.portolan('enter', 'outside', '--', 'sh', '-c', 'exit 7').status, 7);
    const nobody = cluster.portolan('enter', 'node/node-9');
    assert.equal(nobody.status, 1);
    assert.match(nobody.stderr, /there is no node node-9; there are node-1/);
  });

  it('finds the service proxy of a node on the ports of kube-proxy, with its timeouts', () => {
    using cluster = startCluster('--nodes', '1');
    const get = (port: number, path: string): string => {
      const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; printf 'GET ${path} HTTP/1.0\r\n\r\n' >&3; cat <&3`;
      return cluster.portolan('enter', 'node/node-1', '--', 'bash', '-c', script).stdout;
    };
    assert.match(get(10_256, '/healthz'), /^HTTP\/1\.1 200 OK[^]*"lastUpdated"/);
    assert.match(get(10_249, '/proxyMode'), /nftables$/);
    const timeout = '/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait';
    assert.equal(cluster.portolan('enter', 'node/node-1', '--', 'cat', timeout).stdout, '3600\n');
  });
});

describe('Ctrl-C', () => {
  it('takes the cluster down and ends with 0', async () => {
    using cluster = startCluster('--nodes', '1');
    cluster.portolan('down');
    const words = ['--name', cluster.name, '--data-dir', cluster.dataDir];
    const program = spawn(launcher, ['up', '--nodes', '1', ...words], { stdio: 'ignore' });
    const ended = once(program, 'exit') as Promise<[number]>;
    const { pid = 0 } = program;
    await eventually(
      'the cluster is ready',
      () => cluster.portolan('status').status === 0 && statusOf(cluster).phase === 'ready',
    );
    const tree = processTree(pid);
    process.kill(pid, 'SIGINT');
    assert.deepEqual((await ended)[0], 0);
    assert.deepEqual(alive(tree), []);
  });
});

/** Whether somebody listens there. What follows may be a reset: the Service has no endpoints. */
function accepts(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', (error) => resolve(!isErrno(error, 'ECONNREFUSED')));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}
