import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod, PodSpec } from '#api/core/v1.gen.ts';
import { HOSTS_PATH, hasHostProcess, planHostsMount } from './plan-hosts-mount.ts';

const container: Container = { name: 'c' };
const pod = (spec: Partial<PodSpec> = {}): Pod => ({ spec: { containers: [container], ...spec } });
const facts = { podIps: ['192.168.0.1'], podDirectory: 'C:\\var\\lib\\kubelet\\pods\\u' };
const noIps = { ...facts, podIps: [] };
const mounting = (mountPath: string): Container => ({
  ...container,
  volumeMounts: [{ name: 'v', mountPath }],
});
const hostProcess = { windowsOptions: { hostProcess: true } };

test('planHostsMount() mounts the node’s file over that of Windows', () => {
  assert.deepEqual(planHostsMount(pod(), container, facts), {
    hostPath: 'C:\\var\\lib\\kubelet\\pods\\u\\etc-hosts',
    containerPath: 'C:\\Windows\\System32\\drivers\\etc\\hosts',
    readOnly: false,
  });
  const mount = planHostsMount(pod(), container, { ...facts, podDirectory: '\\pods\\u' });
  assert.equal(mount?.hostPath, 'c:\\pods\\u\\etc-hosts');
});

test('planHostsMount() waits for an address, unless it is the node’s', () => {
  assert.equal(planHostsMount(pod(), container, noIps), undefined);
  assert.ok(planHostsMount(pod({ hostNetwork: true }), container, noIps));
});

test('planHostsMount() leaves a mount of exactly this path', () => {
  assert.equal(planHostsMount(pod(), mounting(HOSTS_PATH), facts), undefined);
  for (const path of ['/etc/hosts', HOSTS_PATH.toLowerCase(), HOSTS_PATH.replaceAll('\\', '/')])
    assert.ok(planHostsMount(pod(), mounting(path), facts), path);
});

test('planHostsMount() mounts none in a pod with a HostProcess container', () => {
  const spec = { hostNetwork: true, securityContext: hostProcess };
  assert.equal(planHostsMount(pod(spec), container, facts), undefined);
});

test('hasHostProcess() asks each container, and the pod for those that say nothing', () => {
  const windowsOptions = { hostProcess: false };
  const own: Container = { name: 'o', securityContext: hostProcess };
  const not: Container = { name: 'n', securityContext: { windowsOptions } };
  const cases: [spec: Partial<PodSpec>, has: boolean][] = [
    [{}, false],
    [{ containers: [own] }, true],
    [{ initContainers: [own] }, true],
    [{ securityContext: hostProcess }, true],
    [{ securityContext: hostProcess, containers: [not] }, false],
    [{ securityContext: { windowsOptions }, containers: [own] }, true],
  ];
  for (const [spec, has] of cases) assert.equal(hasHostProcess(pod(spec)), has, JSON.stringify(spec));
});
