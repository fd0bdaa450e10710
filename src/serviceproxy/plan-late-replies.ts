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
 * have been quiet are no exception: a client may have begun to use the port of one again. One port that asked several
 * addresses of an endpoint has the answers of the last one.
 */
export function planLateReplies(flows: readonly Flow[]): Map<LateReplyMap, Element[]> {
  const elements = new Map<LateReplyMap, Element[]>();
  for (const [family, ofFamily] of Map.groupBy(flows, ({ original }) => ipFamily(original.destination))) {
    const { lateReplyAddresses, lateReplyPorts } = LAYOUTS[family];
    const ofPort = new Map(ofFamily.map((flow) => [keyOf(flow).join(' '), flow]));
    const element = (flow: Flow, asked: string | number): Element => ({
      key: keyOf(flow),
      data: [asked],
      timeoutMs: KEPT_MS,
    });
    const latest = [...ofPort.values()];
    elements.set(
      lateReplyAddresses,
      latest.map((flow) => element(flow, flow.original.destination)),
    );
    elements.set(
      lateReplyPorts,
      latest.map((flow) => element(flow, flow.original.destinationPort)),
    );
  }
  return elements;
}

/** Endpoint, client and its port. */
function keyOf({ reply }: Flow): Element['key'] {
  return [reply.source, reply.destination, reply.destinationPort];
}
