import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfiguration } from './configuration.ts';
import { explainConfiguration } from './explain.ts';

function read(plugins: string): ReturnType<typeof readConfiguration> {
  return readConfiguration(`. {\n${plugins}\n}`, 'Corefile');
}

for (const [plugins, message] of [
  [
    'kubernets cluster.local',
    /^Corefile:2: there is no plugin "kubernets" \(did you mean kubernetes\?\); there are acl, /,
  ],
  ['etcd', /^Corefile:2: the plugin etcd is CoreDNS's, but not one of Portolan's/],
  [
    'kubernetes a.b {\npod insecure\n}',
    /^Corefile:3: kubernetes: there is no option "pod" \(did you mean pods\?\); there are .*pods/,
  ],
  ['kubernetes a.b {\npods some\n}', /^Corefile:3: pods: "some" is none of disabled, insecure, verified/],
  ['kubernetes a.b {\nttl 3601\n}', /^Corefile:3: ttl: "3601" is no whole number between 0 and 3600/],
  ['kubernetes 10.0.0.0/8', /^Corefile:2: kubernetes: needs a zone that is not one of reverse names/],
  ['kubernetes a.b {\nmulticluster c.d\n}', /^Corefile:2: kubernetes: c\.d\. of multicluster is not one of/],
  ['kubernetes a.b\nkubernetes c.d', /^Corefile:3: kubernetes: is there already on line 2/],
  ['health {\nlameduck soon\n}', /^Corefile:3: lameduck: "soon" is no duration/],
  ['log . "{nope}"', /^Corefile:2: log: there is no field \{nope\}; there are \{remote\}/],
  ['transfer {\nto nobody\n}', /^Corefile:3: to: "nobody" is neither an address nor a network/],
  ['tls a.pem b.pem', /^Corefile:2: tls: .*a\.pem cannot be read/],
  ['autopath', /^Corefile:2: autopath: takes a resolv\.conf file or @PLUGIN/],
] as const) {
  test(`readConfiguration() says what is wrong in ${JSON.stringify(plugins)}`, () => {
    assert.throws(() => read(plugins), { name: 'CorefileError', message });
  });
}

test('readConfiguration() refuses a server over TLS without a certificate', () => {
  assert.throws(
    () => readConfiguration('tls://a.b https://a.b:444 {\nwhoami\n}', 'Corefile'),
    /^CorefileError: Corefile:1: tls:\/\/a\.b\.:853 needs a certificate and its key: tls CERTIFICATE KEY$/,
  );
});

test('readConfiguration() tells of environment variables that are not set, and takes them to be empty', () => {
  const warnings: string[] = [];
  const options = { env: { ZONE: 'a.b' }, warn: (message: string) => warnings.push(message) };
  const [block] = readConfiguration(
    '{$ZONE}:53 {\nwhoami\n}\n{%PLACE%}:54 {\nwhoami\n}',
    'Corefile',
    options,
  );
  assert.equal(block?.keys[0]?.zone.text, 'a.b.');
  assert.deepEqual(warnings, ['Corefile:4: there is no environment variable PLACE: it is taken to be empty']);
});

test('explainConfiguration() says of a block without plugins that it refuses every query', () => {
  assert.match(explainConfiguration(readConfiguration('a.b', 'Corefile')), /dns:\/\/a\.b\.:53\n.*REFUSED/);
});

test('readConfiguration() refuses two blocks for one zone, port and address without views', () => {
  const block = '. {\nbind 127.0.0.1\nwhoami\n}\n';
  assert.throws(
    () => readConfiguration(block + block, 'C'),
    /C:5: dns:\/\/\.:53 is served by the block on line 1 already/,
  );
  readConfiguration(block + block.replace('127.0.0.1', '127.0.0.2'), 'C');
});

test('readConfiguration() orders plugins as CoreDNS does, and explainConfiguration() tells them so', () => {
  const blocks = read('whoami\nkubernetes cluster.local\nerrors');
  assert.deepEqual(
    blocks[0]?.plugins.map(({ name }) => name),
    ['errors', 'kubernetes', 'whoami'],
  );
  assert.match(
    explainConfiguration(blocks),
    /^Corefile:1: dns:\/\/\.:53\n[^]*errors[^]*kubernetes[^]*whoami/,
  );
});

test('explainConfiguration() writes pages of all addresses as URLs', () => {
  const text = explainConfiguration(read('ready\nhealth :81\nprometheus [::1]:9153\nwhoami'));
  for (const url of ['http://[::]:8181/ready', 'http://[::]:81/health', 'http://[::1]:9153/metrics'])
    assert.ok(text.includes(url), url);
});
