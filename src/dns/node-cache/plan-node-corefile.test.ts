import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfiguration } from '#dns/configuration.ts';
import { defaultNodeTemplate, planNodeCorefile, serviceHostVariable } from './plan-node-corefile.ts';

const VALUES = {
  localIps: ['169.254.20.10', '10.96.0.10'],
  clusterDns: '10.96.0.11',
  clusterDomain: 'cluster.local',
};

/** A block in the manner of Kubernetes' manifest, with more space than needed. */
const block = (zone: string, to: string, option = ''): string =>
  `${zone}:53 {
    bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__
    forward . ${to}${option === '' ? '' : ` {\n            ${option}\n    }`}
    health __PILLAR__LOCAL__DNS__:8080
}
`;

test('planNodeCorefile() fills in addresses, domain and servers', () => {
  const template = block('__PILLAR__DNS__DOMAIN__', '__PILLAR__CLUSTER__DNS__').replace(/ {4}health.*\n/, '');
  const [configured] = readConfiguration(planNodeCorefile(template, VALUES), 'Corefile');
  assert.equal(configured?.keys[0]?.zone.text, 'cluster.local.');
  assert.deepEqual(configured?.settings.bind, VALUES.localIps);
  assert.match(planNodeCorefile(template, VALUES), /forward \. 10\.96\.0\.11\n/);
  assert.match(
    planNodeCorefile('. {\n  forward . __PILLAR__UPSTREAM__SERVERS__\n}\n', VALUES),
    /forward \. \/etc\/resolv\.conf\n/,
  );
});

test('planNodeCorefile() prefers TCP where the template forces it, and only towards servers put in', () => {
  const text = planNodeCorefile(
    block('cluster.local', '__PILLAR__CLUSTER__DNS__', 'force_tcp') +
      block('.', '__PILLAR__UPSTREAM__SERVERS__', 'force_tcp') +
      block('corp.example', '10.0.0.1', 'force_tcp'),
    VALUES,
  );
  assert.deepEqual(
    text.match(/forward .*\{\s*\w+/g)?.map((part) => part.replace(/\s+/g, ' ')),
    [
      'forward . 10.96.0.11 { prefer_tcp',
      'forward . /etc/resolv.conf { prefer_tcp',
      'forward . 10.0.0.1 { force_tcp',
    ],
  );
});

test('planNodeCorefile() refuses what it has nothing to put in for, with the flags that would help', () => {
  const template = block('cluster.local', '__PILLAR__CLUSTER__DNS__');
  assert.throws(
    () => planNodeCorefile(template, { ...VALUES, clusterDns: undefined }),
    /cluster DNS is not known: --upstreamsvc .* or --clusterdns/,
  );
  assert.throws(
    () => planNodeCorefile('. {\n  forward . __PILLAR__OTHER__\n}\n', VALUES),
    /in the place of __PILLAR__OTHER__$/,
  );
});

test('the default template keeps cluster answers 30 s, denials 5 s, and asks the host for other names', () => {
  const template = defaultNodeTemplate({ healthAddress: '169.254.20.10:8080' });
  const text = planNodeCorefile(template, VALUES).replaceAll('/etc/resolv.conf', '192.0.2.53');
  const blocks = readConfiguration(text, 'Corefile');
  assert.deepEqual(
    blocks.map(({ keys }) => keys.map(({ zone }) => zone.text).join()),
    ['cluster.local.', 'in-addr.arpa.', 'ip6.arpa.', '.'],
  );
  assert.match(text, /success 9984 30\n\s+denial 9984 5\n/);
});

test('serviceHostVariable() is the name that pods have it by', () => {
  assert.equal(serviceHostVariable('kube-dns-upstream'), 'KUBE_DNS_UPSTREAM_SERVICE_HOST');
});
