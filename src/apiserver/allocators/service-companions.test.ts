import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Service, ServicePort } from '#api/core/v1.gen.ts';
import { isInvalid } from '#api/machinery/status-error.ts';
import { deleteObject } from '#apiserver/engine/delete.ts';
import { create, idOf, openTestEngine, testScope } from '#apiserver/engine/test-engine.ts';
import { openMemoryStorage } from '#apiserver/storage/memory.ts';

const service = (name: string, spec: Service['spec'] = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'ns' },
  spec: { ports: [port(80)], ...spec },
});

function port(number: number, more: Partial<ServicePort> = {}): ServicePort {
  return { name: `p${number}${more.protocol ?? ''}`.toLowerCase(), port: number, ...more };
}

const addresses = (engine: Awaited<ReturnType<typeof openTestEngine>>): (string | undefined)[] =>
  engine.cache.list('ipaddresses.networking.k8s.io').map((object) => object.metadata?.name);

it('gives every Service an address of its own until the range is full, each with an IPAddress', async () => {
  const engine = await openTestEngine();
  const made = await Promise.all(Array.from({ length: 14 }, (_, i) => create(engine, service(`s${i}`))));
  const given = new Set(made.map((object) => object.spec?.clusterIP));
  assert.equal(given.size, 14);
  assert(!given.has('10.0.0.0') && !given.has('10.0.0.15'));
  assert.deepEqual(new Set(addresses(engine)), given);
  await assert.rejects(
    create(engine, service('one-too-many')),
    /failed to allocate a serviceIP: range is full/,
  );
});

it('gives an address that two ask for to one of them', async () => {
  const engine = await openTestEngine();
  const results = await Promise.allSettled(
    ['a', 'b'].map((name) => create(engine, service(name, { clusterIP: '10.0.0.7' }))),
  );
  const failed = results.filter((result) => result.status === 'rejected');
  assert.equal(failed.length, 1);
  assert(isInvalid(failed[0]?.reason));
});

it('takes addresses and ports back when a Service is deleted', async () => {
  const engine = await openTestEngine();
  const wanted = service('a', {
    type: 'NodePort',
    clusterIP: '10.0.0.7',
    ports: [port(80, { nodePort: 30_001 })],
  });
  await create(engine, wanted);
  await assert.rejects(create(engine, { ...wanted, metadata: { name: 'b', namespace: 'ns' } }), isInvalid);
  await deleteObject(engine, idOf(wanted), {}, testScope());
  assert.deepEqual(addresses(engine), []);
  await create(engine, { ...wanted, metadata: { name: 'b', namespace: 'ns' } });
});

it('gives ports of one number and different protocols the same node port', async () => {
  const engine = await openTestEngine();
  const ports = [port(53, { protocol: 'UDP' }), port(53, { protocol: 'TCP' }), port(54)];
  const { spec } = await create(engine, service('dns', { type: 'NodePort', ports }));
  const [udp, tcp, other] = (spec?.ports ?? []).map((given) => given.nodePort);
  assert.equal(udp, tcp);
  assert.notEqual(udp, other);
});

it('keeps nothing of a write that fails, or of a dry run', async () => {
  const engine = await openTestEngine();
  const wanted = service('a', {
    type: 'NodePort',
    clusterIP: '10.0.0.7',
    ports: [port(80, { nodePort: 30_001 })],
  });
  await create(engine, wanted, true);
  const invalid = { ...wanted, spec: { ...wanted.spec, sessionAffinity: 'Bogus' } };
  await assert.rejects(create(engine, invalid), isInvalid);
  await create(engine, wanted);
});

it('knows after a restart what it gave before', async () => {
  const storage = openMemoryStorage();
  const wanted = service('a', {
    type: 'NodePort',
    clusterIP: '10.0.0.7',
    ports: [port(80, { nodePort: 30_001 })],
  });
  await create(await openTestEngine(storage), wanted);
  const engine = await openTestEngine(storage);
  await assert.rejects(create(engine, service('b', { clusterIP: '10.0.0.7' })), isInvalid);
  const samePort = service('b', { type: 'NodePort', ports: [port(80, { nodePort: 30_001 })] });
  await assert.rejects(create(engine, samePort), /provided port is already allocated/);
});
