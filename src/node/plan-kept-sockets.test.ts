import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod, PodSpec } from '#api/core/v1.gen.ts';
import { keptSocketsEnvironment, planKeptSockets } from './plan-kept-sockets.ts';

const dns: Container = {
  name: 'dns',
  ports: [
    { name: 'dns', containerPort: 53, protocol: 'UDP' },
    { name: 'dns-tcp', containerPort: 53 },
    { name: 'sctp', containerPort: 9, protocol: 'SCTP' },
    { name: 'metrics', containerPort: 9153 },
  ],
};
const other: Container = { name: 'other', ports: [{ name: 'web', containerPort: 80 }] };
const pod = (annotation: string | undefined, spec: Partial<PodSpec> = {}): Pod => ({
  metadata: { annotations: annotation === undefined ? {} : { 'portolan.dev/keep-sockets': annotation } },
  spec: { containers: [dns, other], ...spec },
});

test('planKeptSockets() keeps a socket per named port and family of the pod, in the container that has the port', () => {
  const sockets = planKeptSockets(pod('dns, dns-tcp,web'), dns, ['10.244.0.1', 'fd00::1']);
  assert.deepEqual(
    sockets.map(({ name, protocol, address, port }) => `${name} ${protocol} ${address} ${port}`),
    ['dns UDP 0.0.0.0 53', 'dns UDP :: 53', 'dns-tcp TCP 0.0.0.0 53', 'dns-tcp TCP :: 53'],
  );
  assert.equal(planKeptSockets(pod('dns,web'), other, ['10.244.0.1']).length, 1);
  assert.deepEqual(planKeptSockets(pod(undefined), dns, ['10.244.0.1']), []);
});

test('planKeptSockets() refuses what cannot be kept, and names the annotation', () => {
  const cases: [annotation: string, spec: Partial<PodSpec>, message: RegExp][] = [
    [
      'dsn',
      {},
      /^annotation portolan\.dev\/keep-sockets: no container of the pod has a port with the name "dsn"$/,
    ],
    ['', {}, /a port with the name ""$/],
    ['sctp', {}, /port sctp is of protocol SCTP, only TCP and UDP can be kept$/],
    ['dns', { shareProcessNamespace: true }, /container dns needs a PID namespace of its own$/],
    ['dns', { hostPID: true }, /container dns needs a PID namespace of its own$/],
  ];
  for (const [annotation, spec, message] of cases)
    assert.throws(() => planKeptSockets(pod(annotation, spec), dns, ['10.244.0.1']), {
      name: 'ContainerConfigError',
      message,
    });
});

test('keptSocketsEnvironment() tells process 1 as systemd would', () => {
  const sockets = planKeptSockets(pod('dns,dns-tcp'), dns, ['10.244.0.1']);
  assert.deepEqual(Object.fromEntries(keptSocketsEnvironment(sockets)), {
    LISTEN_PID: '1',
    LISTEN_FDS: '2',
    LISTEN_FDNAMES: 'dns:dns-tcp',
  });
  assert.deepEqual(keptSocketsEnvironment([]), []);
});
