/** BIND's `named-checkzone` as a judge of zones that we transfer: what it refuses, no secondary server would serve. */
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { KubeObject } from '#api/machinery/object.ts';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { ApiClient } from '#kube/client.ts';
import { objectsOf, readRecordedCases } from './support/dns-recording.ts';
import { startTestCorefile } from './support/dns-server.ts';
import { startFakeApi } from './support/fake-api.ts';
import { requireJudge } from './support/judge.ts';
import { enterTestNamespace } from './support/namespace.ts';

await enterTestNamespace();

const dig = requireJudge('dig');
const checkzone = requireJudge('named-checkzone');
const skip = dig.skip || checkzone.skip;

/** Two load balancers, one known by name only. */
const OUTSIDE = ['lb.example.org', undefined].map((hostname, i) => ({
  kind: 'Service',
  metadata: { namespace: 'harbor', name: `outside-${i}` },
  spec: {
    clusterIPs: [`10.96.7.${i}`],
    ports: [
      { name: 'a', port: 1 },
      { name: 'b', port: 2 },
    ],
  },
  status: { loadBalancer: { ingress: [hostname === undefined ? { ip: '203.0.113.7' } : { hostname }] } },
})) as unknown as KubeObject[];

const COREFILE = `.:0 {
    transfer {
        to *
    }
    k8s_external ext.example {
        headless
    }
    kubernetes cluster.local
}`;

test('BIND loads the zones that kubernetes and k8s_external transfer', { skip }, async (t) => {
  // Without an address other than loopback ones, the server knows none that it could be reached by.
  using rtnetlink = Rtnetlink.open();
  rtnetlink.addAddress({ link: 'lo', address: '192.0.2.200/32' });
  const town = readRecordedCases().find(({ fixture }) => fixture === 'town');
  await using api = await startFakeApi([...(town === undefined ? [] : objectsOf(town)), ...OUTSIDE]);
  using client = new ApiClient({ server: api.url });
  const { port } = await startTestCorefile(t, COREFILE, { apiClient: () => Promise.resolve(client) });
  const folder = mkdtempSync(join(tmpdir(), 'dns-transfer-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const zone of ['cluster.local', 'ext.example']) {
    const words = ['@127.0.0.1', '-p', String(port), '+onesoa', '+nocmd', '+nocomments', '+nostats', zone];
    const { stdout } = await promisify(execFile)('dig', [...words, 'AXFR']);
    const file = join(folder, zone);
    writeFileSync(file, stdout);
    // Throws with what it says when it does not load the zone.
    checkzone.run([zone, file]);
  }
});
