import type { Element } from '#kernel/nftables/objects.ts';
import { ipFamily } from '#lib/ip.ts';
import type { Flow } from '#wire/conntrack.ts';
import { type FamilyLayout, LAYOUTS } from './nftables-layout.ts';

type LateReplyMap = FamilyLayout['lateReplyAddresses'];

/** Who waits for longer has asked again. */
const KEPT_MS = 10_000;

/**
 * What the kernel has to know to go on answering for flows that it is about to forget: the answer to a datagram that an
 * old endpoint has got already comes from that endpoint's own address otherwise, which its client never asked. Flows that
 * have been quiet are no exception: a client may have begun to use the port of one again.
 */
export function planLateReplies(flows: readonly Flow[]): Map<LateReplyMap, Element[]> {
  const elements = new Map<LateReplyMap, Element[]>();
  for (const [family, ofFamily] of Map.groupBy(flows, ({ original }) => ipFamily(original.destination))) {
    const { lateReplyAddresses, lateReplyPorts } = LAYOUTS[family];
    const element = ({ reply }: Flow, asked: string | number): Element => {
      const key = [reply.source, reply.destination, reply.destinationPort];
      return { key, data: [asked], timeoutMs: KEPT_MS };
    };
    elements.set(
      lateReplyAddresses,
      ofFamily.map((flow) => element(flow, flow.original.destination)),
    );
    elements.set(
      lateReplyPorts,
      ofFamily.map((flow) => element(flow, flow.original.destinationPort)),
    );
  }
  return elements;
}
