import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '#api/core/v1.gen.ts';
import type { ClusterStatus, PublishedPort } from '#cluster/status.ts';
import { type BoardModel, boardSummary, planBoard } from './plan-board.ts';

const SIZE = { columns: 120, rows: 40 };
const READY = { conditions: [{ type: 'Ready', status: 'True' }] };

const STATUS: ClusterStatus = {
  name: 'blue',
  dataDir: '/data/blue',
  kubeconfig: '/data/blue/kubeconfig',
  pid: 4711,
  phase: 'ready',
  version: 'v1.37.1',
  startedAt: '2026-11-21T14:00:00.000Z',
  apiServer: 'https://127.0.0.1:6443',
  proxy: '127.0.0.1:1080',
  egress: true,
  clusterDns: ['10.96.0.10'],
  nodes: ['node-1', 'node-2'].map((name, index) => ({
    name,
    zone: undefined,
    ready: true,
    addresses: [`172.30.0.${11 + index}`],
    podCidrs: [`10.244.${4 * index}.0/22`],
    hostAddress: `127.7.0.${11 + index}`,
    restarts: index,
  })),
  controllers: { running: true, restarts: 0 },
  published: [],
  networks: [],
  trouble: undefined,
};

function pod(namespace: string, nodeName: string, ready: boolean, phase = 'Running', restartCount = 0): Pod {
  return {
    metadata: { namespace, name: 'any' },
    spec: { nodeName, containers: [] },
    status: {
      phase,
      ...(ready ? READY : {}),
      containerStatuses: [{ name: 'c', image: '', imageID: '', ready, restartCount }],
    },
  };
}

function model(change: Partial<BoardModel> = {}, status: Partial<ClusterStatus> = {}): BoardModel {
  return {
    status: { ...STATUS, ...status },
    nodes: [
      { metadata: { name: 'node-1' }, status: READY },
      { metadata: { name: 'node-2' }, status: {} },
    ],
    pods: [],
    services: [],
    ...change,
  };
}

function linesOf(board: BoardModel, size = SIZE): string[] {
  return planBoard(board, size).map(({ text }) => text);
}

function publishedPort(change: Partial<PublishedPort>): PublishedPort {
  return {
    service: 'default/web',
    portName: undefined,
    protocol: 'TCP',
    nodePort: 30080,
    hostPort: 30080,
    problem: undefined,
    ...change,
  };
}

/** The last column of the Service `default/web` with these published ports. */
function reachedBy(published: readonly PublishedPort[]): string | undefined {
  const web = {
    metadata: { namespace: 'default', name: 'web' },
    spec: { type: 'NodePort', clusterIP: '10.96.1.1', ports: [{ port: 80 }, { port: 53, protocol: 'UDP' }] },
  };
  const line = linesOf(model({ services: [web] }, { published })).find((text) =>
    text.startsWith('default/web'),
  );
  return line?.split(/ {2,}/).at(-1);
}

describe('planBoard()', () => {
  it('shows where the cluster is reached and how it ends', () => {
    const text = linesOf(model()).join('\n');
    for (const part of [
      '/data/blue/kubeconfig',
      'https://127.0.0.1:6443',
      'socks5h://127.0.0.1:1080',
      'Ctrl-C',
    ])
      assert.ok(text.includes(part), part);
  });

  it('tells of each node whether it is Ready, its pods that have not ended, and its restarts', () => {
    const pods = [
      pod('a', 'node-1', true),
      pod('a', 'node-1', false, 'Succeeded'),
      pod('b', 'node-2', false),
    ];
    const lines = linesOf(model({ pods }));
    assert.ok(lines.includes('node-1  Ready     1     127.7.0.11       0'), lines.join('\n'));
    assert.ok(lines.includes('node-2  NotReady  1     127.7.0.12       1'), lines.join('\n'));
  });

  it('counts ready pods and restarts by namespace', () => {
    const pods = [
      pod('shop', 'node-1', true, 'Running', 2),
      pod('shop', 'node-2', false, 'Pending', 1),
      pod('kube-system', 'node-1', true),
    ];
    const lines = linesOf(model({ pods }));
    assert.ok(lines.includes('kube-system  1/1         0'), lines.join('\n'));
    assert.ok(lines.includes('shop         1/2         3'), lines.join('\n'));
  });

  it('says how a Service is reached: node ports that are published, else its name through the proxy', () => {
    assert.equal(reachedBy([publishedPort({})]), '127.7.0.11:30080');
    assert.equal(reachedBy([publishedPort({ protocol: 'UDP' })]), '127.7.0.11:30080/UDP');
    assert.equal(reachedBy([]), 'web.default:80 by proxy');
  });

  it('says so when a port is published higher, or not at all', () => {
    assert.equal(reachedBy([publishedPort({ nodePort: 80, hostPort: 10080 })]), '127.7.0.11:10080 (for 80)');
    assert.equal(
      reachedBy([publishedPort({ problem: '127.7.0.11:30080: EADDRINUSE' })]),
      '30080 not published: 127.7.0.11:30080: EADDRINUSE',
    );
  });

  it('shows the last trouble, and controllers that had to be replaced', () => {
    const trouble = { at: '2026-11-21T14:03:01.123Z', part: 'node-2', line: 'it ended' };
    const lines = planBoard(model({}, { trouble, controllers: { running: false, restarts: 1 } }), SIZE);
    const bad = lines.filter(({ tone }) => tone === 'bad').map(({ text }) => text);
    assert.deepEqual(bad, ['controllers are being replaced, restarts: 1', '14:03:01 node-2: it ended']);
  });

  it('fits the terminal: long lines are cut, lines too many are counted', () => {
    const services = Array.from({ length: 50 }, (_, index) => ({
      metadata: { namespace: 'default', name: `service-with-a-long-name-${index}` },
    }));
    for (const rows of [5, 12, 24]) {
      const lines = linesOf(model({ services }), { columns: 30, rows });
      assert.ok(lines.length < Math.max(rows, 5), `${lines.length} lines in ${rows} rows`);
      assert.ok(lines.every((line) => line.length <= 30));
      assert.ok(lines.some((line) => /^… \d+ lines more/.test(line)));
      assert.match(lines.at(-1) ?? '', /^Ctrl-C/);
    }
  });
});

describe('boardSummary()', () => {
  it('counts nodes, pods and Services', () => {
    const pods = [pod('a', 'node-1', true), pod('a', 'node-1', false)];
    assert.equal(boardSummary(model({ pods })), '1 of 2 nodes Ready, 1 of 2 pods ready, 0 Services');
  });
});
