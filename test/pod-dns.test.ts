// What pods see of names: files, host names and variables read from inside of them, and the events about them.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Container, Event, PodSpec } from '#api/core/v1.gen.ts';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { pause, StatusError } from '#kube/errors.ts';
import { CONFIG_MAPS, EVENTS, NAMESPACES, SERVICES } from '#kube/resources.ts';
import { isRootless } from '#node/image-store.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { startNodeCluster } from '#test/support/node-cluster.ts';
import { hasPhase, shell } from '#test/support/pod-fixtures.ts';

await enterTestNamespace({ pid: true });
const directory = mkdtempSync(join(tmpdir(), 'portolan-pod-dns-'));
const resolvConf = join(directory, 'resolv.conf');
const HOST = 'nameserver 192.0.2.53\nsearch corp.example.\noptions timeout:1\noptions rotate\n';
writeFileSync(resolvConf, HOST);
// The node looks at it for each pod.
const clusterDns = ['10.96.0.10'];
const NODE_IPV6 = 'fd00:172:30::a';
{
  using rtnetlink = Rtnetlink.open();
  rtnetlink.addAddress({ link: 'lo', address: `${NODE_IPV6}/128` });
}
// The node's first address decides which of a pod's is first.
const cluster = await startNodeCluster({
  resolvConf,
  clusterDns,
  addresses: ['172.30.0.10', NODE_IPV6],
  podCidrs: ['fd00:10:244::/64', '10.244.0.0/22'],
});
after(async () => {
  await cluster[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
  assert.deepEqual(cluster.errors.map(String), []);
});
const { client } = cluster;

const LOCAL =
  '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n';
const CLUSTER = 'default.svc.cluster.local svc.cluster.local cluster.local';
const HOST_CONF = 'search corp.example\nnameserver 192.0.2.53\noptions timeout:1 rotate\n';
const CLUSTER_CONF = `search ${CLUSTER} corp.example\nnameserver 10.96.0.10\noptions ndots:5\n`;

/** What a script prints in a pod of this kind. */
async function print(
  name: string,
  script: string,
  spec: Partial<PodSpec> = {},
  container: Partial<Container> = {},
): Promise<{ text: string; ips: string[] }> {
  await cluster.createPod(name, {
    restartPolicy: 'Never',
    containers: [{ name: 'main', ...shell(script), ...container }],
    ...spec,
  });
  const { status } = await cluster.podBecomes(name, hasPhase('Succeeded'));
  return { text: await cluster.log(name, 'main'), ips: (status?.podIPs ?? []).map(({ ip }) => ip) };
}

/** Their messages, once there are so many. */
async function messagesOf(kind: string, name: string, reason: string, count = 1): Promise<string[]> {
  for (const untilMs = Date.now() + 20_000; Date.now() < untilMs; await pause(20)) {
    const { items } = await client.list(EVENTS, { namespace: 'default' });
    const about = ({ involvedObject }: Event): boolean =>
      involvedObject.kind === kind && involvedObject.name === name;
    const found = items.filter((event) => about(event) && event.reason === reason);
    if (found.length >= count) {
      assert.ok(found.every(({ type, source }) => type === 'Warning' && source?.component === 'kubelet'));
      return found.map(({ message = '' }) => message).sort();
    }
  }
  throw new Error(`no event ${reason} of ${kind} ${name}`);
}

const RESOLVERS: readonly [what: string, spec: Partial<PodSpec>, conf: string][] = [
  ['cluster-first', {}, CLUSTER_CONF],
  ['cluster-first-on-host', { hostNetwork: true }, HOST_CONF],
  ['with-host-net', { dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true }, CLUSTER_CONF],
  ['default', { dnsPolicy: 'Default' }, HOST_CONF],
  [
    'none',
    {
      dnsPolicy: 'None',
      dnsConfig: {
        nameservers: ['192.0.2.1', '2001:db8::1'],
        searches: ['_tcp.example.'],
        options: [{ name: 'edns0' }, { name: 'ndots', value: '2' }],
      },
    },
    'search _tcp.example.\nnameserver 192.0.2.1\nnameserver 2001:db8::1\noptions edns0 ndots:2\n',
  ],
  [
    'cluster-first-and-more',
    {
      dnsConfig: {
        nameservers: ['192.0.2.1'],
        searches: ['corp.example', 'more.example'],
        options: [{ name: 'ndots', value: '1' }],
      },
    },
    `search ${CLUSTER} corp.example more.example\nnameserver 10.96.0.10\nnameserver 192.0.2.1\noptions ndots:1\n`,
  ],
];
for (const [what, spec, conf] of RESOLVERS) {
  test(`resolv.conf of a pod with ${what} is kubelet’s`, async () => {
    assert.equal((await print(`conf-${what}`, 'cat /etc/resolv.conf', spec)).text, conf);
  });
}

test('a pod has its names in hosts, hostname and $HOSTNAME', async () => {
  const script = 'hostname; hostname -f; cat /etc/hostname; echo $HOSTNAME; cat /etc/hosts';
  const fqdn = 'h.s.default.svc.cluster.local';
  const head = `# Kubernetes-managed hosts file.\n${LOCAL}`;
  const own = (ips: string[], names: string): string => ips.map((ip) => `${ip}\t${names}\n`).join('');
  const plain = await print('plain.pod', script);
  assert.deepEqual(
    plain.ips.map((ip) => ip.includes(':')),
    [false, true],
  );
  assert.equal(plain.text, `${'plain.pod\n'.repeat(4)}${head}${own(plain.ips, 'plain.pod')}`);
  const named = await print('named', script, { hostname: 'h', subdomain: 's' });
  assert.equal(named.text, `h\n${fqdn}\nh\nh\n${head}${own(named.ips, `${fqdn}\th`)}`);
  const full = await print('full', script, { hostname: 'h', subdomain: 's', setHostnameAsFQDN: true });
  assert.equal(full.text, `${`${fqdn}\n`.repeat(4)}${head}${own(full.ips, `${fqdn}\th`)}`);
  const over = await print('over', script, { hostname: 'h', subdomain: 's', hostnameOverride: 'o.example' });
  assert.equal(over.text, `${'o.example\n'.repeat(4)}${head}${own(over.ips, 'o.example')}`);
});

test('a pod on the node’s network has the node’s name and hosts file', async () => {
  const hostAliases = [{ ip: '192.0.2.9', hostnames: ['a', 'b.example'] }];
  const { text } = await print('on-node', 'hostname; cat /etc/hosts', {
    hostNetwork: true,
    hostname: 'unheard',
    hostAliases,
  });
  assert.equal(
    text,
    `node-1\n# Kubernetes-managed hosts file (host network).\n${LOCAL}172.30.0.10\tnode-1\n${NODE_IPV6}\tnode-1\n\n# Entries added by HostAliases.\n192.0.2.9\ta\tb.example\n`,
  );
});

test('hostAliases resolve, every user reads the files, a mount of one’s own wins', async () => {
  const hostAliases = [
    { ip: '192.0.2.9', hostnames: ['a', 'b.example'] },
    { ip: '2001:db8::9', hostnames: ['six'] },
  ];
  const user = isRootless() ? {} : { securityContext: { runAsUser: 65534 } };
  const seen = await print(
    'aliases',
    'stat -c %a /etc/hosts /etc/resolv.conf; tail -n 4 /etc/hosts; getent hosts b.example; getent hosts six',
    { hostAliases, ...user },
  );
  assert.match(
    seen.text,
    /^644\n644\n\n# Entries added by HostAliases\.\n192\.0\.2\.9\ta\tb\.example\n2001:db8::9\tsix\n192\.0\.2\.9\s+a b\.example\n2001:db8::9\s+six\n$/,
  );
  await client.create(CONFIG_MAPS, {
    metadata: { namespace: 'default', name: 'hosts' },
    data: { hosts: '192.0.2.10 own\n' },
  });
  const own = await print(
    'own-hosts',
    'cat /etc/hosts',
    { hostAliases, volumes: [{ name: 'v', configMap: { name: 'hosts' } }] },
    { volumeMounts: [{ name: 'v', mountPath: '/etc/hosts', subPath: 'hosts' }] },
  );
  assert.equal(own.text, '192.0.2.10 own\n');
});

test('variables name the Services of the namespace, and kubernetes even without links', async () => {
  await client.create(NAMESPACES, { metadata: { name: 'elsewhere' } });
  const make = (namespace: string, name: string, spec: object) =>
    client.create(SERVICES, { metadata: { namespace, name }, spec });
  const web = await make('default', 'my-web', {
    ports: [
      { name: 'http', port: 80 },
      { name: '8080', port: 8080, protocol: 'UDP' },
    ],
  });
  const master = await client.get(SERVICES, { namespace: 'default', name: 'kubernetes' });
  await make('default', 'headless', { clusterIP: 'None', ports: [{ port: 80 }] });
  await make('default', 'external', { type: 'ExternalName', externalName: 'x.example' });
  await make('elsewhere', 'other', { ports: [{ port: 80 }] });
  const ip = web.spec?.clusterIP ?? '';
  const script = 'env | grep -E "^(MY_WEB|HEADLESS|EXTERNAL|OTHER|KUBERNETES_SERVICE)" | sort; echo $URL';
  const env = [{ name: 'URL', value: 'http://$(MY_WEB_SERVICE_HOST):$(MY_WEB_SERVICE_PORT_HTTP)' }];
  const { text } = await print('links', script, {}, { env });
  const link = (key: string, port: number, protocol: string): string[] => [
    `${key}=${protocol}://${ip}:${port}`,
    `${key}_ADDR=${ip}`,
    `${key}_PORT=${port}`,
    `${key}_PROTO=${protocol}`,
  ];
  const always = [
    `KUBERNETES_SERVICE_HOST=${master.spec?.clusterIP}`,
    'KUBERNETES_SERVICE_PORT=443',
    'KUBERNETES_SERVICE_PORT_HTTPS=443',
  ];
  assert.deepEqual(text.trim().split('\n'), [
    ...always,
    `MY_WEB_PORT=tcp://${ip}:80`,
    ...link('MY_WEB_PORT_8080_UDP', 8080, 'udp'),
    ...link('MY_WEB_PORT_80_TCP', 80, 'tcp'),
    `MY_WEB_SERVICE_HOST=${ip}`,
    'MY_WEB_SERVICE_PORT=80',
    'MY_WEB_SERVICE_PORT_8080=8080',
    'MY_WEB_SERVICE_PORT_HTTP=80',
    `http://${ip}:80`,
  ]);
  const alone = await print('no-links', script, { enableServiceLinks: false }, { env });
  assert.deepEqual(alone.text.trim().split('\n'), [
    ...always,
    'http://$(MY_WEB_SERVICE_HOST):$(MY_WEB_SERVICE_PORT_HTTP)',
  ]);
});

test('containers of a starting node wait until it has seen the Services', async () => {
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const list = client.list.bind(client);
  client.list = async (kind, options) => {
    if (kind.plural === SERVICES.plural) {
      ask();
      await held;
    }
    return list(kind, options);
  };
  await cluster.restartNode();
  await asked;
  client.list = list;
  const printed = print('early', 'echo $KUBERNETES_SERVICE_PORT');
  // What does not wait has started by then.
  await pause(500);
  release();
  assert.equal((await printed).text, '443\n');
});

test('DNSConfigForming tells what was left out, for light containers too', async () => {
  const dnsConfig = {
    nameservers: ['192.0.2.1', '192.0.2.2', '192.0.2.3'],
    searches: Array.from({ length: 30 }, (_, index) => `s${index}`),
  };
  await cluster.createPod('too-much', {
    dnsConfig,
    containers: [{ name: 'echo', image: 'portolan/echo' }],
  });
  const servers = '10.96.0.10 192.0.2.1 192.0.2.2';
  const searches = `${CLUSTER} corp.example ${dnsConfig.searches.slice(0, 28).join(' ')}`;
  assert.deepEqual(await messagesOf('Pod', 'too-much', 'DNSConfigForming', 2), [
    `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${servers}`,
    `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${searches}`,
  ]);
});

test('an FQDN that is too long for a host name keeps the pod from starting, and the event says why', async () => {
  const hostname = 'a'.repeat(50);
  await cluster.createPod('long-name', {
    hostname,
    subdomain: 'sub',
    setHostnameAsFQDN: true,
    containers: [{ name: 'main', ...shell('true') }],
  });
  const [message] = await messagesOf('Pod', 'long-name', 'FailedCreatePodSandBox');
  assert.equal(
    message,
    `Failed to create pod sandbox: failed to construct FQDN from pod hostname and cluster domain, FQDN ${hostname}.sub.default.svc.cluster.local is too long (64 characters is the max, 80 characters requested)`,
  );
});

test('a node’s resolv.conf that cannot be understood holds pods until it can', async () => {
  writeFileSync(resolvConf, 'nameserver\n');
  const started = print('patient', 'cat /etc/resolv.conf', { dnsPolicy: 'Default' });
  const [message] = await messagesOf('Pod', 'patient', 'FailedCreatePodSandBox');
  writeFileSync(resolvConf, HOST);
  assert.equal(
    message,
    'Failed to create pod sandbox: Encountered error while parsing resolv conf file. Error: nameserver list is empty ',
  );
  assert.equal((await started).text, HOST_CONF);
});

test('without cluster DNS a pod has the node’s resolver, and events tell pod and node', async () => {
  clusterDns.length = 0;
  const { text } = await print('no-cluster-dns', 'cat /etc/resolv.conf');
  clusterDns.push('10.96.0.10');
  assert.equal(text, HOST_CONF);
  const [ofNode] = await messagesOf('Node', 'node-1', 'MissingClusterDNS');
  assert.equal(
    ofNode,
    'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.',
  );
  const { metadata } = await cluster.podBecomes('no-cluster-dns', () => true);
  assert.deepEqual(await messagesOf('Pod', 'no-cluster-dns', 'MissingClusterDNS'), [
    `pod: "no-cluster-dns_default(${metadata?.uid})". ${ofNode}`,
  ]);
});

test('a starting node tells what is too much in its resolv.conf', async () => {
  writeFileSync(resolvConf, `${HOST}search ${Array.from({ length: 30 }, (_, i) => `h${i}`).join(' ')}\n`);
  await cluster.restartNode();
  writeFileSync(resolvConf, HOST);
  const [message] = await messagesOf('Node', 'node-1', 'CheckLimitsForResolvConf');
  assert.equal(
    message,
    `Resolv.conf file '${resolvConf}' contains search line consisting of more than 29 domains!`,
  );
});

test('a Windows pod fails on this node, and says why', async () => {
  await cluster.createPod('for-windows', {
    os: { name: 'windows' },
    containers: [{ name: 'main', ...shell('true') }],
  });
  const { status } = await cluster.podBecomes('for-windows', hasPhase('Failed'));
  const text = "Failed to admit pod as the OS field doesn't match node OS";
  assert.deepEqual([status?.reason, status?.message], ['PodOSNotSupported', `Pod was rejected: ${text}`]);
  assert.deepEqual(await messagesOf('Pod', 'for-windows', 'PodOSNotSupported'), [text]);
});

test('the API server refuses names that cannot be, by field', async () => {
  const containers = [{ name: 'main', image: 'portolan/echo' }];
  const specs: [PodSpec, fields: string[]][] = [
    [{ containers, dnsPolicy: 'Sometimes' }, ['spec.dnsPolicy']],
    [{ containers, dnsPolicy: 'None' }, ['spec.dnsConfig']],
    [
      {
        containers,
        dnsConfig: { nameservers: ['1.2.3'], searches: ['ok', '-'], options: [{ value: '1' }] },
      },
      ['spec.dnsConfig.nameservers[0]', 'spec.dnsConfig.searches[1]', 'spec.dnsConfig.options[0]'],
    ],
    [{ containers, hostNetwork: true, hostnameOverride: 'x' }, ['spec.hostnameOverride']],
    [
      { containers, hostAliases: [{ ip: '1.2.3.4', hostnames: ['Up'] }] },
      ['spec.hostAliases[0].hostnames[0]'],
    ],
  ];
  for (const [spec, fields] of specs) {
    await assert.rejects(cluster.createPod('refused', spec), (error: unknown) => {
      assert.ok(error instanceof StatusError);
      assert.equal(error.code, 422);
      const causes = error.status.details?.causes ?? [];
      assert.deepEqual(
        causes.map(({ field }) => field),
        fields,
      );
      return true;
    });
  }
});
