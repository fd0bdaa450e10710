import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ContainerPort, Pod, PodSpec } from '#api/core/v1.gen.ts';
import { ip } from '#lib/ip.ts';
import { describeHostPort, isStaleHostPortFlow, planHostPorts } from './plan-host-ports.ts';

const IPS = ['10.244.0.5', 'fd00:10:244::5'];

function pod(ports: ContainerPort[], more: Partial<PodSpec> = {}): Pod {
  return { spec: { containers: [{ name: 'c', image: 'x', ports }], ...more } };
}

/** What leads where, as text. */
function planned(one: Pod, podIps = IPS): string[] {
  return planHostPorts(one, podIps).map(
    (port) => `${describeHostPort(port)} -> ${port.podIp} ${port.podPort}`,
  );
}

describe('planHostPorts()', () => {
  test('leads a port of all addresses to the pod, in each of its families', () => {
    assert.deepEqual(planned(pod([{ containerPort: 8080, hostPort: 80 }, { containerPort: 9090 }])), [
      'port 80/TCP -> 10.244.0.5 8080',
      'port 80/TCP -> fd00:10:244::5 8080',
    ]);
  });

  test('leads one of one address to the pod in that family only', () => {
    const port = { containerPort: 53, hostPort: 53, protocol: 'UDP' };
    assert.deepEqual(planned(pod([{ ...port, hostIP: '127.0.0.1' }])), ['127.0.0.1:53/UDP -> 10.244.0.5 53']);
    assert.deepEqual(planned(pod([{ ...port, hostIP: 'fd00::1' }])), [
      '[fd00::1]:53/UDP -> fd00:10:244::5 53',
    ]);
    assert.deepEqual(planned(pod([{ ...port, hostIP: '0.0.0.0' }])), ['port 53/UDP -> 10.244.0.5 53']);
    assert.deepEqual(planned(pod([{ ...port, hostIP: '::' }]), IPS.slice(0, 1)), []);
  });

  test('counts sidecars, not other init containers, and nothing of a pod in the network of the node', () => {
    const container = { name: 's', image: 'x', ports: [{ containerPort: 1, hostPort: 1 }] };
    const initContainers = [{ ...container, restartPolicy: 'Always' }, container];
    assert.equal(planned(pod([], { initContainers }), ['10.244.0.5']).length, 1);
    assert.deepEqual(planned(pod([{ containerPort: 80, hostPort: 80 }], { hostNetwork: true })), []);
  });
});

test('isStaleHostPortFlow() picks UDP flows to the port that lead elsewhere when it opens, to the pod when it closes', () => {
  const ports = planHostPorts(pod([{ containerPort: 53, hostPort: 5353, protocol: 'UDP' }]), ['10.244.0.5']);
  const flow = (destination: string, server: string, protocol = 17) => ({
    protocol,
    zone: 0,
    original: {
      source: ip('192.0.2.1'),
      sourcePort: 9,
      destination: ip(destination),
      destinationPort: 5353,
    },
    reply: { source: ip(server), sourcePort: 53, destination: ip('192.0.2.1'), destinationPort: 9 },
  });
  const stale = (one: ReturnType<typeof flow>) =>
    [true, false].map((opened) => isStaleHostPortFlow(one, ports, ['172.30.0.11'], opened));
  assert.deepEqual(stale(flow('172.30.0.11', '172.30.0.11')), [true, false]);
  assert.deepEqual(stale(flow('172.30.0.11', '10.244.0.5')), [false, true]);
  assert.deepEqual(stale(flow('10.96.0.10', '10.244.0.9')), [false, false]);
  assert.deepEqual(stale(flow('172.30.0.11', '172.30.0.11', 6)), [false, false]);
});
