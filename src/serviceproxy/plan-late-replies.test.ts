import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ip } from '#lib/ip.ts';
import type { Flow } from '#wire/conntrack.ts';
import { LAYOUTS } from './nftables-layout.ts';
import { planLateReplies } from './plan-late-replies.ts';

function flow(client: string, family: 4 | 6): Flow {
  const [vip, endpoint] = family === 4 ? ['10.96.0.10', '10.244.1.1'] : ['fd00:10:96::a', 'fd00:10:244:1::1'];
  return {
    protocol: 17,
    original: { source: ip(client), sourcePort: 4000, destination: ip(vip), destinationPort: 53 },
    reply: { source: ip(endpoint), sourcePort: 1053, destination: ip(client), destinationPort: 4000 },
    zone: 0,
  };
}

test('planLateReplies() leads answers of the endpoint back to what the client asked, for ten seconds', () => {
  const key4 = ['10.244.1.1', '10.244.0.7', 4000];
  const key6 = ['fd00:10:244:1::1', 'fd00::7', 4000];
  assert.deepEqual(
    planLateReplies([flow('10.244.0.7', 4), flow('fd00::7', 6)]),
    new Map([
      [LAYOUTS[4].lateReplyAddresses, [{ key: key4, data: ['10.96.0.10'], timeoutMs: 10_000 }]],
      [LAYOUTS[4].lateReplyPorts, [{ key: key4, data: [53], timeoutMs: 10_000 }]],
      [LAYOUTS[6].lateReplyAddresses, [{ key: key6, data: ['fd00:10:96::a'], timeoutMs: 10_000 }]],
      [LAYOUTS[6].lateReplyPorts, [{ key: key6, data: [53], timeoutMs: 10_000 }]],
    ]),
  );
});
