import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ip } from '#lib/ip.ts';
import type { Flow } from '#wire/conntrack.ts';
import { LAYOUTS } from './nftables-layout.ts';
import { planLateReplies } from './plan-late-replies.ts';

function flow(client: string, assured: boolean, expiresSeconds: number, family: 4 | 6 = 4): Flow {
  const [vip, endpoint] = family === 4 ? ['10.96.0.10', '10.244.1.1'] : ['fd00:10:96::a', 'fd00:10:244:1::1'];
  return {
    protocol: 17,
    original: { source: ip(client), sourcePort: 4000, destination: ip(vip), destinationPort: 53 },
    reply: { source: ip(endpoint), sourcePort: 1053, destination: ip(client), destinationPort: 4000 },
    zone: 0,
    assured,
    expiresSeconds,
  };
}

test('planLateReplies() leads answers of the endpoint back to what the client asked, for ten seconds', () => {
  const { lateReplyAddresses, lateReplyPorts } = LAYOUTS[4];
  const key = ['10.244.1.1', '10.244.0.7', 4000];
  assert.deepEqual(
    planLateReplies([flow('10.244.0.7', false, 30)]),
    new Map([
      [lateReplyAddresses, [{ key, data: ['10.96.0.10'], timeoutMs: 10_000 }]],
      [lateReplyPorts, [{ key, data: [53], timeoutMs: 10_000 }]],
    ]),
  );
});

test('planLateReplies() leaves out flows that were quiet, judged by the newest of their kind', () => {
  const clients = [
    flow('10.244.0.1', false, 29),
    flow('10.244.0.2', false, 26),
    flow('10.244.0.3', false, 25),
    flow('10.244.0.4', true, 119),
    flow('10.244.0.5', true, 60),
    flow('fd00::6', true, 118, 6),
  ];
  const clientsOf = (family: 4 | 6) =>
    planLateReplies(clients)
      .get(LAYOUTS[family].lateReplyAddresses)
      ?.map(({ key }) => (key as string[])[1]);
  assert.deepEqual(clientsOf(4), ['10.244.0.1', '10.244.0.2', '10.244.0.4']);
  assert.deepEqual(clientsOf(6), ['fd00::6']);
});
