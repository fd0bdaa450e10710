import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import type { ClusterStatus } from '#cluster/status.ts';
import { formatStatus } from './status-text.ts';

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
  egress: false,
  clusterDns: ['10.96.0.10'],
  nodes: [],
  controllers: { running: true, restarts: 0 },
  published: [],
  networks: [],
  trouble: undefined,
};

function lines(change: Partial<ClusterStatus>): string[] {
  const plain = new PassThrough() as unknown as NodeJS.WriteStream;
  return formatStatus({ ...STATUS, ...change }, plain).split('\n');
}

describe('formatStatus()', () => {
  it('says where a port is published that the user may not open, and why one is not', () => {
    const port = { service: 'default/web', portName: undefined, protocol: 'TCP' as const };
    const published = [
      { ...port, nodePort: 80, hostPort: 10080, problem: undefined },
      { ...port, nodePort: 30080, hostPort: 30080, problem: undefined },
      { ...port, nodePort: 30081, hostPort: 30081, problem: '127.7.0.11:30081: EADDRINUSE' },
    ];
    const shown = lines({ published }).filter((line) => line.includes('default/web'));
    assert.deepEqual(shown, [
      '  TCP 80  default/web (at 10080: this user may not open 80)',
      '  TCP 30080  default/web',
      '  TCP 30081  default/web not published: 127.7.0.11:30081: EADDRINUSE',
    ]);
  });

  it('tells of the last trouble and of controllers that were replaced', () => {
    const trouble = { at: '2026-11-21T14:03:01.000Z', part: 'node-1', line: 'it ended' };
    const shown = lines({ trouble, controllers: { running: true, restarts: 2 } });
    assert.ok(shown.includes('controllers: 2 restarts'));
    assert.ok(shown.includes('last trouble: 2026-11-21T14:03:01.000Z node-1: it ended'));
  });
});
