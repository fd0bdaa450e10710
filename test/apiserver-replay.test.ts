import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ApiServer, startApiServer } from '#apiserver/apiserver.ts';
import { openClusterPki } from '#cluster/pki.ts';
import { type RecordedCase, runRecordedCase } from './support/recorded-case.ts';
import { RecordedClient } from './support/recorded-client.ts';

/** Cases that pass, per area. Raise a number when more do; it never goes down. */
const FLOOR: Readonly<Record<string, number>> = {
  'generic-meta': 79,
  'generic-delete': 25,
  list: 58,
  watch: 26,
  patch: 102,
  'service-type': 80,
  'service-ports': 89,
};

const TOKEN = 'replay';
const folder = mkdtempSync(join(tmpdir(), 'portolan-replay-'));
let server: ApiServer;
let client: RecordedClient;

before(async () => {
  const pki = await openClusterPki({
    directory: join(folder, 'pki'),
    apiServerAddresses: ['127.0.0.1'],
    nodes: [],
  });
  server = await startApiServer({
    storage: join(folder, 'state.db'),
    listeners: [{ port: 0 }],
    tls: { cert: pki.apiServer.certificate, key: pki.apiServer.key },
    clientCa: pki.caCertificate,
    serviceAccount: { key: pki.serviceAccountKey },
    staticTokens: new Map([[TOKEN, { username: 'admin', groups: ['system:masters'] }]]),
    disableAdmission: ['ServiceAccount'],
  });
  client = new RecordedClient(`https://127.0.0.1:${server.addresses[0]?.port}`, pki.caCertificate, TOKEN);
});

after(async () => {
  client[Symbol.dispose]();
  await server.close();
  rmSync(folder, { recursive: true });
});

describe('the API server answers as kube-apiserver did', () => {
  for (const [area, floor] of Object.entries(FLOOR)) {
    it(area, async (context) => {
      const file = new URL(`./fixtures/apiserver/${area}.json`, import.meta.url);
      const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: RecordedCase[] };
      const failed: string[] = [];
      for (const recorded of cases) {
        const different = await runRecordedCase(client, recorded);
        if (different.length > 0) failed.push(`${recorded.name} (steps ${different.join(', ')})`);
      }
      const passed = cases.length - failed.length;
      context.diagnostic(`${passed} of ${cases.length} cases`);
      assert(
        passed >= floor,
        `${passed} of ${cases.length} cases pass, ${floor} did before:\n${failed.join('\n')}`,
      );
    });
  }
});
