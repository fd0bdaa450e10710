import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { zoneOf } from '#dns/zone.ts';
import { instance, testContext } from '#test/support/dns-plugin.ts';
import { until } from '#test/support/until.ts';
import { type DnsMessage, decodeMessage, encodeMessage, formatName, HeaderFlag } from '#wire/dns.ts';
import { notify } from './notify.ts';
import { transfer } from './transfer.ts';

const ZONE = zoneOf(['zone', 'example']);

/** A secondary server that answers by turns; `undefined`: not at all. */
async function startSecondary(t: TestContext, rcodes: readonly (number | undefined)[]) {
  const told: { readonly message: DnsMessage; readonly from: string }[] = [];
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  socket.on('message', (bytes, { address, port }) => {
    const message = decodeMessage(bytes);
    const rcode = rcodes[told.length];
    told.push({ message, from: address });
    const response = { ...message, flags: message.flags | HeaderFlag.QR, rcode: rcode ?? 0 };
    if (rcode !== undefined) socket.send(encodeMessage(response), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { told, port: socket.address().port };
}

const OPTIONS = { signal: new AbortController().signal, timeoutMs: 50 };

test('notify() says which zone, again until there is an answer', async (t) => {
  const { told, port } = await startSecondary(t, [undefined, 0]);
  await notify({ address: '127.0.0.1', port }, ZONE.labels, { ...OPTIONS, source: '127.0.0.7' });
  assert.equal(told.length, 2);
  for (const { message, from } of told) {
    assert.deepEqual([message.opcode, message.flags, from], [4, HeaderFlag.AA, '127.0.0.7']);
    const [{ name, type } = assert.fail('no question')] = message.questions;
    assert.deepEqual([formatName(name), type], ['zone.example.', 6]);
  }
});

test('notify() gives up after three tries, and on a refusal, with the server’s name', async (t) => {
  const silent = await startSecondary(t, []);
  const to = (port: number) => ({ address: '127.0.0.1', port });
  const says = (port: number, why: string) => ({
    message: `NOTIFY of zone.example. to 127.0.0.1:${port}: ${why}`,
  });
  await assert.rejects(notify(to(silent.port), ZONE.labels, OPTIONS), says(silent.port, 'no answer'));
  assert.equal(silent.told.length, 3);
  const refusing = await startSecondary(t, [5]);
  await assert.rejects(notify(to(refusing.port), ZONE.labels, OPTIONS), says(refusing.port, 'REFUSED'));
});

test('notify() rejects, with the server’s name, where no packet can be sent to it', async () => {
  // Broadcasts have to be asked for: the system refuses to connect.
  const nowhere = { address: '255.255.255.255', port: 53 };
  const message = /^NOTIFY of zone\.example\. to 255\.255\.255\.255:53: connect EACCES/;
  await assert.rejects(notify(nowhere, ZONE.labels, OPTIONS), { message });
});

test('transfer tells the servers of the rule for a zone that changed, and nobody else', async (t) => {
  await using stack = new AsyncDisposableStack();
  const [own, other] = [await startSecondary(t, [0]), await startSecondary(t, [0])];
  const text = `transfer example {\nto 127.0.0.1:${own.port} 10.0.0.0/8 *\n}\ntransfer . {\nto 127.0.0.1:${other.port}\n}`;
  const plugin = await instance(transfer, text, testContext(stack));
  plugin.zoneChanged?.(ZONE);
  await until(
    'the secondary is told',
    async () => own.told.length,
    (count) => count === 1,
  );
  assert.equal(other.told.length, 0);
});
