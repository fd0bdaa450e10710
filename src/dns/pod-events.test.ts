import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import type { Event } from '#api/core/v1.gen.ts';
import { ApiClient } from '#kube/client.ts';
import { testFolder } from '#test/support/dns-command.ts';
import { PodEvents } from './pod-events.ts';

/** An API server with the pod `dns-1`, and where events are answered with this code. */
async function lab(t: TestContext, eventCode: number, podName = 'dns-1') {
  const written: Event[] = [];
  const asked: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      asked.push(`${request.method} ${request.url}`);
      response.setHeader('content-type', 'application/json');
      if (request.method === 'POST') {
        if (eventCode === 201) written.push(JSON.parse(body) as Event);
        response.writeHead(eventCode);
        response.end(eventCode === 201 ? body : JSON.stringify({ kind: 'Status', code: eventCode }));
        return;
      }
      const found = request.url?.includes('metadata.name%3Ddns-1') === true;
      const pod = { metadata: { namespace: 'kube-system', name: 'dns-1', uid: 'u1' } };
      response.end(JSON.stringify({ kind: 'PodList', metadata: {}, items: found ? [pod] : [] }));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const client = new ApiClient({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  const stop = new AbortController();
  t.after(() => {
    stop.abort();
    client[Symbol.dispose]();
    server.close();
    server.closeAllConnections();
  });
  const namespaceFile = testFolder(t).file('namespace', 'kube-system\n');
  const options = { client: () => Promise.resolve(client), signal: stop.signal, podName };
  return { written, asked, events: new PodEvents({ ...options, namespaceFile }), options };
}

test('PodEvents.warn() writes a warning about the pod that it runs in', async (t) => {
  const { written, events } = await lab(t, 201);
  await events.warn('ReloadFailed', 'Corefile:3: wrong');
  assert.equal(written.length, 1);
  const [event] = written;
  assert.deepEqual(
    [event?.type, event?.reason, event?.message, event?.involvedObject.name, event?.involvedObject.uid],
    ['Warning', 'ReloadFailed', 'Corefile:3: wrong', 'dns-1', 'u1'],
  );
});

test('PodEvents.warn() looks for its pod again when the API server could not be asked for it', async (t) => {
  const { written, options } = await lab(t, 201);
  const namespaceFile = testFolder(t).file('namespace', 'kube-system\n');
  let away = true;
  const client = (): Promise<ApiClient> => (away ? Promise.reject(new Error('away')) : options.client());
  const events = new PodEvents({ ...options, client, namespaceFile });
  await events.warn('ReloadFailed', 'wrong');
  away = false;
  await events.warn('ReloadFailed', 'wrong again');
  assert.deepEqual(
    written.map(({ message }) => message),
    ['wrong again'],
  );
});

test('PodEvents.warn() writes nothing where its account may not, in no pod, and where the pod is another one', async (t) => {
  const forbidden = await lab(t, 403);
  await forbidden.events.warn('ReloadFailed', 'wrong');
  assert.deepEqual(forbidden.written, []);
  const other = await lab(t, 201, 'dns-2');
  await other.events.warn('ReloadFailed', 'wrong');
  assert.deepEqual(other.written, []);
  const outside = new PodEvents({ ...other.options, namespaceFile: '/nothere/namespace' });
  const before = other.asked.length;
  await outside.warn('ReloadFailed', 'wrong');
  assert.equal(other.asked.length, before, 'nobody is asked');
});
