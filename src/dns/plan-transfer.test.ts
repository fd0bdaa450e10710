import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wordRecords } from '#test/support/dns-wording.ts';
import { ClusterIndex } from './cluster-index.ts';
import type { ServiceEntry, SliceEntry } from './cluster-view.ts';
import type { KubernetesConfig } from './kubernetes-config.ts';
import type { PlanOptions } from './plan-answer.ts';
import { planTransfer } from './plan-transfer.ts';
import { zoneOf } from './zone.ts';

const ZONE = zoneOf(['cluster', 'local']);
const SET = zoneOf(['clusterset', 'local']);
const REVERSE = zoneOf(['in-addr', 'arpa']);
const CONFIG = {
  zones: [ZONE, SET, REVERSE],
  multicluster: [SET],
  namespaces: new Set<string>(),
} as unknown as KubernetesConfig;
const OPTIONS: PlanOptions = {
  primaryZone: ZONE.labels,
  pods: 'disabled',
  ttl: 30,
  zonal: false,
  ignoreEmpty: false,
  soaSerial: 7,
  ownAddresses: ['10.1.0.53'],
};

function service(name: string, change: Partial<ServiceEntry>): ServiceEntry {
  const ports = [{ name: 'dns', protocol: 'udp', port: 53 }];
  const empty = {
    namespace: 'sys',
    kind: 'cluster-ip',
    clusterIps: [],
    externalName: '',
    externals: [],
  } as const;
  return { ...empty, name, ports, ...change };
}

function slice(name: string, address: string, cluster?: string): SliceEntry {
  const ports = [{ name: 'dns', protocol: 'udp', port: 53 }];
  const addresses = [{ address, hostname: address.replaceAll('.', '-'), zone: undefined }];
  return { namespace: 'sys', name: `${name}-1`, service: name, cluster, ports, addresses };
}

function indexes(): { cluster: ClusterIndex; imported: ClusterIndex } {
  const both = { cluster: new ClusterIndex(), imported: new ClusterIndex() };
  for (const index of Object.values(both)) index.setNamespace('sys', true);
  both.cluster.setService('sys', 'dns', service('dns', { clusterIps: ['10.96.0.10'] }));
  both.cluster.setSlice('sys/dns-1', slice('dns', '10.1.0.53'));
  both.imported.setService('sys', 'far', service('far', { kind: 'headless' }));
  both.imported.setSlice('sys/far-1', slice('far', '10.7.0.1', 'north'));
  return both;
}

function transferred(key: string, options = OPTIONS): string[] {
  return wordRecords([...(planTransfer(key, CONFIG, indexes(), options)?.records() ?? [])]);
}

test('planTransfer() begins with name servers: without them a secondary server refuses the zone', () => {
  const own = 'dns.sys.svc.cluster.local.';
  assert.deepEqual(transferred(ZONE.key), [
    `_dns._udp.${own} 30 SRV 0 100 53 ${own}`,
    `cluster.local. 30 NS ${own}`,
    'cluster.local. 30 SOA ns.dns.cluster.local. hostmaster.cluster.local. SERIAL 7200 1800 86400 30',
    `${own} 30 A 10.96.0.10`,
    `${own} 30 SRV 0 100 53 ${own}`,
  ]);
});

test('planTransfer() names the server itself when no Service leads to it', () => {
  const records = transferred(ZONE.key, { ...OPTIONS, ownAddresses: ['192.0.2.1', 'fd00::1'] });
  assert.deepEqual(
    records.filter((text) => / NS |^ns\./.test(text)),
    [
      'cluster.local. 30 NS ns.dns.cluster.local.',
      'ns.dns.cluster.local. 30 A 192.0.2.1',
      'ns.dns.cluster.local. 30 AAAA fd00::1',
    ],
  );
});

test('planTransfer() of a multicluster zone has ServiceImports, and the name servers of this cluster', () => {
  assert.deepEqual(transferred(SET.key), [
    '10-7-0-1.north.far.sys.svc.clusterset.local. 30 A 10.7.0.1',
    '_dns._udp.far.sys.svc.clusterset.local. 30 SRV 0 100 53 10-7-0-1.north.far.sys.svc.clusterset.local.',
    'clusterset.local. 30 NS dns.sys.svc.clusterset.local.',
    'clusterset.local. 30 SOA ns.dns.clusterset.local. hostmaster.clusterset.local. SERIAL 7200 1800 86400 30',
    'dns.sys.svc.clusterset.local. 30 A 10.96.0.10',
    'far.sys.svc.clusterset.local. 30 A 10.7.0.1',
  ]);
});

test('planTransfer() has nothing for zones of reverse names', () => {
  assert.equal(planTransfer(REVERSE.key, CONFIG, indexes(), OPTIONS), undefined);
});
