/** `dig` as an independent judge of what goes over the wire. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { KubeObject } from '#api/machinery/object.ts';
import { startTestDns } from '#test/support/dns-server.ts';
import { requireJudge } from '#test/support/judge.ts';

const { skip } = requireJudge('dig');

const PORTS = [{ name: 'http', port: 80, protocol: 'TCP' }];
const crowd = Array.from({ length: 60 }, (_, i) => ({
  addresses: [`10.244.0.${i + 1}`],
  conditions: { ready: true },
}));
const OBJECTS = [
  { kind: 'Namespace', metadata: { name: 'shop' } },
  {
    kind: 'Service',
    metadata: { namespace: 'shop', name: 'web' },
    spec: { clusterIPs: ['10.96.0.20', 'fd00:10:96::20'], ports: PORTS },
  },
  {
    kind: 'Service',
    metadata: { namespace: 'shop', name: 'crowd' },
    spec: { clusterIPs: ['None'], ports: PORTS },
  },
  {
    kind: 'EndpointSlice',
    metadata: { namespace: 'shop', name: 'crowd-1', labels: { 'kubernetes.io/service-name': 'crowd' } },
    addressType: 'IPv4',
    endpoints: crowd,
    ports: PORTS,
  },
] as KubeObject[];

test('dig understands every kind of answer', { skip }, async (t) => {
  const plugins = 'kubernetes cluster.local in-addr.arpa ip6.arpa {\npods insecure\nttl 30\n}';
  const { port: number } = await startTestDns(t, { objects: OBJECTS, plugins });
  const port = String(number);
  const dig = async (...words: string[]): Promise<string> =>
    (await promisify(execFile)('dig', ['@127.0.0.1', '-p', port, '+tries=1', '+time=5', ...words])).stdout;

  const short: [words: string[], lines: string[]][] = [
    [['web.shop.svc.cluster.local', 'A'], ['10.96.0.20']],
    [['web.shop.svc.cluster.local', 'AAAA', '+tcp'], ['fd00:10:96::20']],
    [['_http._tcp.web.shop.svc.cluster.local', 'SRV'], ['0 50 80 web.shop.svc.cluster.local.']],
    [['-x', '10.96.0.20'], ['web.shop.svc.cluster.local.']],
    [['-x', 'fd00:10:96::20'], ['web.shop.svc.cluster.local.']],
    [['10-1-2-3.shop.pod.cluster.local', 'A'], ['10.1.2.3']],
    [['dns-version.cluster.local', 'TXT'], ['"1.1.0"']],
  ];
  for (const [words, lines] of short) {
    assert.deepEqual((await dig('+short', ...words)).trim().split('\n'), lines, words.join(' '));
  }
  assert.match(
    await dig('nobody.shop.svc.cluster.local'),
    /status: NXDOMAIN[^]*SOA\tns\.dns\.cluster\.local\./,
  );
  assert.match(await dig('+noedns', '+ignore', 'crowd.shop.svc.cluster.local'), /flags: qr aa tc rd;/);
  assert.equal(
    (await dig('+short', '+noedns', 'crowd.shop.svc.cluster.local')).trim().split('\n').length,
    60,
  );
});
