import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { KubeObject } from '#api/machinery/object.ts';
import { CorefileError } from '#dns/corefile/error.ts';
import { exchange, isWholeTransfer } from '#test/support/dns-client.ts';
import { directives, SCOPE } from '#test/support/dns-plugin.ts';
import { startTestDns } from '#test/support/dns-server.ts';
import { wordRecords } from '#test/support/dns-wording.ts';
import { until } from '#test/support/until.ts';
import { CLASS_IN, decodeMessage, encodeQuery, parseName, rcodeName, typeNumber } from '#wire/dns.ts';
import { k8sExternal } from './k8s-external.ts';

const HTTP = { name: 'http', port: 80, protocol: 'TCP' };
const ADMIN = { name: 'admin', port: 81, protocol: 'TCP' };

function service(name: string, spec: object, ingress?: readonly object[]): KubeObject {
  const status = { loadBalancer: { ingress } };
  return { kind: 'Service', metadata: { namespace: 'shop', name }, spec, status } as KubeObject;
}

const OBJECTS: readonly KubeObject[] = [
  { kind: 'Namespace', metadata: { name: 'shop' } },
  service('web', { ports: [HTTP, ADMIN], externalIPs: ['198.51.100.7'] }, [
    { ip: '203.0.113.9' },
    { ip: '2001:db8::9' },
  ]),
  service('named', { ports: [HTTP, ADMIN] }, [{ hostname: 'lb.example.org' }]),
  service('inside', { clusterIPs: ['10.96.0.9'], ports: [HTTP] }),
  service('peers', { clusterIPs: ['None'], ports: [HTTP] }),
  {
    kind: 'EndpointSlice',
    metadata: { namespace: 'shop', name: 'peers-1', labels: { 'kubernetes.io/service-name': 'peers' } },
    addressType: 'IPv4',
    ports: [HTTP],
    endpoints: [{ addresses: ['10.1.0.1'], hostname: 'one' }, { addresses: ['10.1.0.2'] }],
  } as KubeObject,
];

const KUBERNETES = 'kubernetes cluster.local in-addr.arpa {\nttl 30\n}';
const OUTSIDE = 'template IN A lb.example.org {\nanswer "{{ .Name }} 60 IN A 192.0.2.1"\n}';

type Ask = (name: string, type: string) => Promise<unknown>;

/** Asks for names in lower case; answers the response code, or the records of answer and additional section. */
async function start(t: TestContext, plugins: string) {
  const { api, port } = await startTestDns(t, { objects: OBJECTS, plugins: `${plugins}\n${KUBERNETES}` });
  const ask: Ask = async (name, type) => {
    const question = { name: parseName(name) ?? [], type: typeNumber(type) ?? 0, class: CLASS_IN };
    const transfer = type === 'AXFR' ? ({ transport: 'tcp', isAll: isWholeTransfer } as const) : {};
    const messages = await exchange(encodeQuery(7, question, 0x0100), { port, ...transfer });
    const [{ rcode, answers, additionals } = assert.fail('no answer')] = messages.map((message) =>
      decodeMessage(message),
    );
    const records = wordRecords([...answers, ...additionals]);
    return rcode === 0 ? records : rcodeName(rcode);
  };
  return { api, ask };
}

test('a Service has its external addresses, with the TTL of the plugin, and SRV records with that of the cluster', async (t) => {
  const { ask } = await start(t, 'k8s_external ext.example {\nttl 9\n}');
  assert.deepEqual(await ask('web.shop.ext.example', 'A'), [
    'web.shop.ext.example. 9 A 198.51.100.7',
    'web.shop.ext.example. 9 A 203.0.113.9',
  ]);
  assert.deepEqual(await ask('web.shop.ext.example', 'AAAA'), ['web.shop.ext.example. 9 AAAA 2001:db8::9']);
  assert.deepEqual(await ask('_admin._tcp.web.shop.ext.example', 'SRV'), [
    '_admin._tcp.web.shop.ext.example. 30 SRV 0 33 81 web.shop.ext.example.',
    'web.shop.ext.example. 9 A 198.51.100.7',
    'web.shop.ext.example. 9 A 203.0.113.9',
    'web.shop.ext.example. 9 AAAA 2001:db8::9',
  ]);
  for (const none of ['inside.shop', 'peers.shop', 'web.nowhere', 'a.b.c.web.shop'])
    assert.equal(await ask(`${none}.ext.example`, 'A'), 'NXDOMAIN', none);
  assert.deepEqual(await ask('shop.ext.example', 'A'), []);
});

test('a host name of a load balancer is a CNAME, once however many ports there are, with what is behind it', async (t) => {
  const { ask } = await start(t, `k8s_external ext.example\n${OUTSIDE}`);
  assert.deepEqual(await ask('named.shop.ext.example', 'A'), [
    'lb.example.org. 60 A 192.0.2.1',
    'named.shop.ext.example. 30 CNAME lb.example.org.',
  ]);
  assert.deepEqual(await ask('_http._tcp.named.shop.ext.example', 'SRV'), [
    '_http._tcp.named.shop.ext.example. 30 SRV 0 100 80 lb.example.org.',
    'lb.example.org. 60 A 192.0.2.1',
  ]);
});

test('a changed load balancer is answered at once, also where the answer was given before', async (t) => {
  const { api, ask } = await start(t, 'k8s_external ext.example');
  const before = await ask('web.shop.ext.example', 'AAAA');
  assert.deepEqual(await ask('web.shop.ext.example', 'AAAA'), before);
  api.apply(service('web', { ports: [HTTP] }, [{ ip: '2001:db8::10' }]));
  const asked = () => ask('web.shop.ext.example', 'AAAA');
  const changed = ['web.shop.ext.example. 5 AAAA 2001:db8::10'];
  await until('the new address', asked, (answer) => JSON.stringify(answer) === JSON.stringify(changed));
  api.apply(service('web', { ports: [HTTP] }));
  await until('no address', asked, (answer) => answer === 'NXDOMAIN');
});

test('headless: endpoints have names where a Service has nothing external', async (t) => {
  const { ask } = await start(t, 'k8s_external ext.example {\nheadless\n}');
  assert.deepEqual(await ask('peers.shop.ext.example', 'A'), [
    'peers.shop.ext.example. 5 A 10.1.0.1',
    'peers.shop.ext.example. 5 A 10.1.0.2',
  ]);
  assert.deepEqual(await ask('one.peers.shop.ext.example', 'SRV'), [
    'one.peers.shop.ext.example. 30 SRV 0 100 80 one.peers.shop.ext.example.',
    'one.peers.shop.ext.example. 5 A 10.1.0.1',
  ]);
});

test('the apex has an SOA and a name server below its own label, and no other names are there', async (t) => {
  const { ask } = await start(t, 'k8s_external ext.example {\napex ns\n}');
  const soa = 'ext.example. 5 SOA ns1.ns.ext.example. hostmaster.ns.ext.example. SERIAL 7200 1800 86400 5';
  assert.deepEqual(await ask('ext.example', 'SOA'), [soa]);
  assert.deepEqual(await ask('ext.example', 'NS'), ['ext.example. 5 NS ns1.ns.ext.example.']);
  assert.deepEqual(await ask('ns.ext.example', 'A'), []);
  assert.deepEqual(await ask('ns1.ns.ext.example', 'A'), []);
  assert.equal(await ask('ns2.ns.ext.example', 'A'), 'NXDOMAIN');
});

test('reverse names lead to the first zone; fallthrough leaves those unknown to kubernetes', async (t) => {
  const inside = '9.0.96.10.in-addr.arpa';
  const { ask } = await start(t, 'k8s_external ext.example in-addr.arpa {\nfallthrough in-addr.arpa\n}');
  assert.deepEqual(await ask('9.113.0.203.in-addr.arpa', 'PTR'), [
    '9.113.0.203.in-addr.arpa. 5 PTR web.shop.ext.example.',
  ]);
  assert.deepEqual(await ask(inside, 'PTR'), [`${inside}. 30 PTR inside.shop.svc.cluster.local.`]);
  const closed = await start(t, 'k8s_external ext.example in-addr.arpa');
  assert.equal(await closed.ask(inside, 'PTR'), 'NXDOMAIN');
});

test('transfer gives each record that queries are answered with, once', async (t) => {
  const { ask } = await start(t, 'k8s_external ext.example {\nheadless\n}\ntransfer ext.example {\nto *\n}');
  const soa = 'ext.example. 5 SOA ns1.dns.ext.example. hostmaster.dns.ext.example. SERIAL 7200 1800 86400 5';
  assert.deepEqual(
    await ask('ext.example', 'AXFR'),
    [
      '10-1-0-2.peers.shop.ext.example. 30 SRV 0 100 80 10-1-0-2.peers.shop.ext.example.',
      '10-1-0-2.peers.shop.ext.example. 5 A 10.1.0.2',
      '_admin._tcp.named.shop.ext.example. 30 SRV 0 100 81 lb.example.org.',
      '_admin._tcp.web.shop.ext.example. 30 SRV 0 33 81 web.shop.ext.example.',
      '_http._tcp.named.shop.ext.example. 30 SRV 0 100 80 lb.example.org.',
      '_http._tcp.peers.shop.ext.example. 30 SRV 0 50 80 10-1-0-2.peers.shop.ext.example.',
      '_http._tcp.peers.shop.ext.example. 30 SRV 0 50 80 one.peers.shop.ext.example.',
      '_http._tcp.web.shop.ext.example. 30 SRV 0 33 80 web.shop.ext.example.',
      soa,
      soa,
      'ext.example. 5 NS ns1.dns.ext.example.',
      'named.shop.ext.example. 30 CNAME lb.example.org.',
      'one.peers.shop.ext.example. 30 SRV 0 100 80 one.peers.shop.ext.example.',
      'one.peers.shop.ext.example. 5 A 10.1.0.1',
      'peers.shop.ext.example. 30 SRV 0 50 80 10-1-0-2.peers.shop.ext.example.',
      'peers.shop.ext.example. 30 SRV 0 50 80 one.peers.shop.ext.example.',
      'peers.shop.ext.example. 5 A 10.1.0.1',
      'peers.shop.ext.example. 5 A 10.1.0.2',
      'web.shop.ext.example. 30 SRV 0 16 80 web.shop.ext.example.',
      'web.shop.ext.example. 30 SRV 0 16 81 web.shop.ext.example.',
      'web.shop.ext.example. 5 A 198.51.100.7',
      'web.shop.ext.example. 5 A 203.0.113.9',
      'web.shop.ext.example. 5 AAAA 2001:db8::9',
    ].toSorted(),
  );
});

test('what is not right in its lines is said with the line', () => {
  const wrong: readonly [text: string, problem: RegExp][] = [
    ['k8s_external ext.example {\nttl 4000\n}', /Corefile:3: ttl: .*between 0 and 3600/],
    ['k8s_external ext.example {\napex a.b\n}', /Corefile:3: apex: .*no label/],
    ['k8s_external ext.example {\nheadless yes\n}', /Corefile:3: headless: takes no arguments/],
    [
      'k8s_external ext.example {\nheadles\n}',
      /Corefile:3: .*there is no option "headles" .*there are apex, /,
    ],
    ['k8s_external ext.example\nk8s_external b.example', /Corefile:3: .*there already on line 2/],
  ];
  const scope = { ...SCOPE, plugins: new Set(['kubernetes', 'k8s_external']) };
  for (const [text, problem] of wrong)
    assert.throws(() => k8sExternal.parse(directives(text), scope), {
      name: 'CorefileError',
      message: problem,
    });
  const alone = () => k8sExternal.parse(directives('k8s_external ext.example'), SCOPE);
  assert.throws(
    alone,
    (error) => error instanceof CorefileError && /needs the plugin kubernetes/.test(error.message),
  );
});
