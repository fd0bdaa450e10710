import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordType, typeNumber } from '#wire/dns.ts';
import { ClusterIndex } from './cluster-index.ts';
import type { PodMode } from './kubernetes-config.ts';
import { type AnswerOutcome, planAnswer } from './plan-answer.ts';
import { planImportEntry, planServiceEntry, planSliceEntry } from './plan-entries.ts';

const ZONE = ['cluster', 'local'];

interface Asked {
  readonly pods?: PodMode;
  readonly zonal?: boolean;
  readonly imported?: boolean;
}

/** Names are below the zone. */
function ask(index: ClusterIndex, name: string, type: string, more: Asked = {}): AnswerOutcome {
  const question = { name: [...name.split('.'), ...ZONE], type: typeNumber(type) ?? 0, zoneLabels: 2 };
  const options = { primaryZone: ZONE, ttl: 5, soaSerial: 1, ignoreEmpty: false, ownAddresses: [] };
  return planAnswer(question, index, { ...options, pods: 'disabled', ...more });
}

function records(outcome: AnswerOutcome): string[] {
  if (typeof outcome === 'string') return [outcome];
  return outcome.answers.map(({ data }) => {
    if (data.kind === 'address') return data.address;
    if (data.kind === 'srv') return `${data.port} ${data.target.join('.')}`;
    return data.kind === 'name' ? data.target.join('.') : data.kind;
  });
}

function clusterWith(services: Readonly<Record<string, object>>): ClusterIndex {
  const index = new ClusterIndex();
  index.setNamespace('a', true);
  for (const [name, spec] of Object.entries(services))
    index.setService('a', name, planServiceEntry({ metadata: { namespace: 'a', name }, spec }));
  return index;
}

function withEndpoints(index: ClusterIndex, service: string, addressType: string, addresses: string[]): void {
  const metadata = { namespace: 'a', name: service, labels: { 'kubernetes.io/service-name': service } };
  const endpoints = addresses.map((address) => ({ addresses: [address] }));
  index.setSlice(`a/${service}`, planSliceEntry({ metadata, addressType, endpoints, ports: [] }));
}

test('a Service without ports has its address, and no SRV records', () => {
  const index = clusterWith({ bare: { clusterIP: '10.96.0.9' } });
  assert.deepEqual(records(ask(index, 'bare.a.svc', 'A')), ['10.96.0.9']);
  assert.equal(ask(index, 'bare.a.svc', 'SRV'), 'no-data');
  assert.equal(ask(index, '_http._tcp.bare.a.svc', 'SRV'), 'no-name');
});

test('ports and protocols that are a lone underscore are any, also where there are no ports', () => {
  const index = clusterWith({
    bare: { clusterIP: 'None' },
    out: { type: 'ExternalName', externalName: 'www.example.org' },
  });
  withEndpoints(index, 'bare', 'IPv4', ['10.1.0.1']);
  assert.deepEqual(records(ask(index, '_._.bare.a.svc', 'A')), ['10.1.0.1']);
  assert.deepEqual(records(ask(index, '_._.out.a.svc', 'CNAME')), ['www.example.org']);
  assert.equal(ask(index, '_._tcp.bare.a.svc', 'A'), 'no-name');
});

test('an endpoint address ::ffff:10.1.2.3 is an IPv4 address, forth and back', () => {
  const index = clusterWith({ head: { clusterIP: 'None' } });
  withEndpoints(index, 'head', 'IPv6', ['::ffff:10.1.2.3']);
  assert.deepEqual(records(ask(index, 'head.a.svc', 'A')), ['10.1.2.3']);
  assert.equal(ask(index, 'head.a.svc', 'AAAA'), 'no-data');
  assert.deepEqual(records(ask(index, '10-1-2-3.head.a.svc', 'A')), ['10.1.2.3']);
  const reverse = { name: ['3', '2', '1', '10', 'in-addr', 'arpa'], type: RecordType.PTR, zoneLabels: 2 };
  const options = { primaryZone: ZONE, ttl: 5, soaSerial: 1, ignoreEmpty: false, ownAddresses: [] };
  assert.deepEqual(records(planAnswer(reverse, index, { ...options, pods: 'disabled' })), [
    '10-1-2-3.head.a.svc.cluster.local',
  ]);
});

test('a pod name that is echoed has an SRV record with port 0, as one that is verified has', () => {
  const index = clusterWith({});
  assert.deepEqual(records(ask(index, '1-2-3-4.a.pod', 'SRV', { pods: 'insecure' })), [
    '0 1-2-3-4.a.pod.cluster.local',
  ]);
});

test('the names by zone of a headless Service exist before it has endpoints', () => {
  const index = clusterWith({ head: { clusterIP: 'None' }, plain: { clusterIP: '10.96.0.9' } });
  for (const type of ['A', 'TXT', 'MX'])
    assert.equal(ask(index, 'z.pin._zone.head.a.svc', type, { zonal: true }), 'no-data');
  assert.equal(ask(index, 'z.pin._zone.plain.a.svc', 'A', { zonal: true }), 'no-name');
});

test('a ServiceImport exists before it has an address, and its zone has the names of pods', () => {
  const index = clusterWith({});
  const spec = { type: 'ClusterSetIP', ips: [], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] };
  const entry = planImportEntry({ metadata: { namespace: 'a', name: 'far' }, spec });
  index.setService('a', 'far', entry);
  const imported = { imported: true, pods: 'insecure' } as const;
  assert.equal(ask(index, 'far.a.svc', 'A', imported), 'no-data');
  assert.equal(ask(index, '_http._tcp.far.a.svc', 'SRV', imported), 'no-data');
  assert.equal(ask(index, '_dns._udp.far.a.svc', 'SRV', imported), 'no-name');
  assert.deepEqual(records(ask(index, '1-2-3-4.a.pod', 'A', imported)), ['1.2.3.4']);
});
