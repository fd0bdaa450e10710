import type { Element } from '#kernel/nftables/objects.ts';
import { ipFamily } from '#lib/ip.ts';
import type { Flow } from '#wire/conntrack.ts';
import { type FamilyLayout, LAYOUTS } from './nftables-layout.ts';

/** Who waits for longer has asked again. */
const KEPT_MS = 10_000;
/** A question older than this is taken to be answered. */
const RECENT_SECONDS = 3;

/**
 * What the kernel has to know to go on answering for flows that it is about to forget: the answer to a datagram that an
 * old endpoint has got already comes from that endpoint's own address otherwise, which its client never asked.
 * Flows that were quiet for a while have nothing under way; they are left out.
 */
export function planLateReplies(flows: readonly Flow[]): Map<FamilyLayout['lateReplyAddresses'], Element[]> {
  const newest = new Map<boolean, number>();
  for (const { assured, expiresSeconds } of flows)
    newest.set(assured, Math.max(expiresSeconds, newest.get(assured) ?? 0));
  const elements = new Map<FamilyLayout['lateReplyAddresses'], Element[]>();
  const add = (map: FamilyLayout['lateReplyAddresses'], element: Element): void => {
    const known = elements.get(map);
    if (known === undefined) elements.set(map, [element]);
    else known.push(element);
  };
  for (const { original, reply, assured, expiresSeconds } of flows) {
    // A flow's timeout begins anew with each of its packets.
    if (expiresSeconds < (newest.get(assured) ?? 0) - RECENT_SECONDS) continue;
    const { lateReplyAddresses, lateReplyPorts } = LAYOUTS[ipFamily(original.destination)];
    const key = [reply.source, reply.destination, reply.destinationPort];
    add(lateReplyAddresses, { key, data: [original.destination], timeoutMs: KEPT_MS });
    add(lateReplyPorts, { key, data: [original.destinationPort], timeoutMs: KEPT_MS });
  }
  return elements;
}
