import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CLASS_IN, encodeQuery, HeaderFlag, RecordType } from '#wire/dns.ts';
import { type PreparedAnswer, prepareAnswer } from '#wire/dns-answer.ts';
import { type PlainQuery, readPlainQuery } from '#wire/dns-plain-query.ts';
import { AbsentNames } from './absent-names.ts';
import { AnswerCounts } from './answer-counts.ts';
import { ClusterIndex } from './cluster-index.ts';
import type { ServiceEntry } from './cluster-view.ts';
import type { PodMode } from './kubernetes-config.ts';
import { planAnswer } from './plan-answer.ts';
import { planServiceEntry } from './plan-entries.ts';
import { zoneOf } from './zone.ts';

const ZONE = zoneOf(['cluster', 'local']);
const NXDOMAIN: PreparedAnswer = prepareAnswer(ZONE.labels, {
  rcode: 3,
  answers: [],
  authorities: [],
  additionals: [],
});

function clusterOf(...names: readonly `${string}.${string}`[]): ClusterIndex {
  const index = new ClusterIndex();
  for (const each of names) {
    const [name = '', namespace = ''] = each.split('.');
    index.setNamespace(namespace, true);
    index.setService(namespace, name, service(namespace, name));
  }
  return index;
}

function service(namespace: string, name: string): ServiceEntry {
  const ports = [{ name: 'http', protocol: 'TCP', port: 80 }];
  return planServiceEntry({ metadata: { namespace, name }, spec: { clusterIPs: ['10.96.0.1'], ports } });
}

/** Whether the name is recognised as one that does not exist. */
function isAbsent(
  index: ClusterIndex,
  labels: readonly string[],
  type: number = RecordType.A,
  pods = true,
): boolean {
  const prepared = (): PreparedAnswer => NXDOMAIN;
  const names = new AbsentNames({
    zone: ZONE,
    names: index.names,
    pods,
    prepared,
    counts: new AnswerCounts(),
  });
  const message = encodeQuery(1, { name: labels, type, class: CLASS_IN }, HeaderFlag.RD);
  const query: PlainQuery = {
    nameEnd: 0,
    questionEnd: 0,
    type: 0,
    hash: 0,
    hasEdns: false,
    udpSize: 0,
    dnssecOk: false,
  };
  const bytes = Buffer.concat([Buffer.alloc(7), message]);
  assert(readPlainQuery(bytes, 7, message.length, 1, query));
  return names.answerTo(bytes, 7, query) !== undefined;
}

const name = (text: string): string[] => text.split('.');

test('AbsentNames.answerTo() recognises what pods ask on their way through the search path', () => {
  const index = clusterOf('web.default', 'kube-dns.kube-system');
  for (const absent of [
    'example.com.default.svc.cluster.local',
    'example.com.svc.cluster.local',
    'example.com.cluster.local',
    'web.default.default.svc.cluster.local',
    'web.default.svc.cluster.local.default.svc.cluster.local',
    'web.other.svc.cluster.local',
    '_http._tcp.nobody.default.svc.cluster.local',
    '10-0-0-1.other.pod.cluster.local',
    'NoBody.Default.SVC.Cluster.LOCAL',
  ])
    assert.equal(isAbsent(index, name(absent)), true, absent);
});

test('AbsentNames.answerTo() leaves what may exist, and other zones, to the chain', () => {
  const index = clusterOf('web.default');
  for (const unsure of [
    'web.default.svc.cluster.local',
    'WEB.Default.svc.cluster.local',
    'nobody.web.default.svc.cluster.local',
    'default.svc.cluster.local',
    'svc.cluster.local',
    'pod.cluster.local',
    'cluster.local',
    'dns-version.cluster.local',
    'ns.dns.cluster.local',
    '10-0-0-1.default.pod.cluster.local',
    'nobody.default.svc.other.local',
    'xcluster.local',
    'local',
  ])
    assert.equal(isAbsent(index, name(unsure)), false, unsure);
  for (const type of [RecordType.SOA, RecordType.PTR, RecordType.AXFR, RecordType.ANY])
    assert.equal(isAbsent(index, name('nobody.default.svc.cluster.local'), type), false);
});

test('AbsentNames.answerTo() follows the objects at once', () => {
  const index = clusterOf('web.default');
  const asked = name('new.default.svc.cluster.local');
  assert.equal(isAbsent(index, asked), true);
  index.setService('default', 'new', service('default', 'new'));
  assert.equal(isAbsent(index, asked), false);
  index.setService('default', 'new', service('default', 'new'));
  index.setService('default', 'new', undefined);
  assert.equal(isAbsent(index, asked), true);
  index.setService('default', 'new', undefined);
  assert.equal(isAbsent(index, name('web.default.svc.cluster.local')), false);
  index.setNamespace('default', false);
  assert.equal(isAbsent(index, name('web.default.svc.cluster.local')), true);
});

test('AbsentNames.answerTo() never denies a name that planAnswer() does not', () => {
  const words = [
    'web',
    'db',
    'default',
    'prod',
    'svc',
    'pod',
    'dns',
    'ns',
    '_http',
    '_tcp',
    '10-0-0-1',
    'WEB',
  ];
  const labels = fc.array(fc.constantFrom(...words, 'dns-version'), { maxLength: 5 });
  const names = fc.array(fc.constantFrom('web.default', 'db.default', 'web.prod', 'svc.pod'), {
    maxLength: 4,
  });
  const types = fc.constantFrom(1, 2, 5, 6, 12, 15, 16, 28, 33, 65);
  fc.assert(
    fc.property(
      labels,
      names,
      types,
      fc.constantFrom<PodMode>('disabled', 'insecure', 'verified'),
      (below, services, type, pods) => {
        const index = clusterOf(...(services as `${string}.${string}`[]));
        const asked = [...below, 'cluster', 'local'];
        if (!isAbsent(index, asked, type, pods !== 'disabled')) return;
        const outcome = planAnswer({ name: asked, type, zoneLabels: 2 }, index, {
          primaryZone: ZONE.labels,
          pods,
          ttl: 5,
          zonal: false,
          ignoreEmpty: false,
          ownAddresses: [],
          soaSerial: 1,
        });
        assert.equal(outcome, 'no-name');
      },
    ),
    { numRuns: 3000 },
  );
});
