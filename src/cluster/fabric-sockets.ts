import { threadLedger } from '#os/fd-ledger.ts';
import { bindUdp, listenTcp } from '#os/socket.ts';
import { divertToGateway } from './fabric-divert.ts';
import type { FabricSockets, FamilySocket } from './messages.ts';
import type { FamilyPlan } from './plan-addresses.ts';

/** Port of the gateway's sockets: never seen by anybody, diverted packets keep their own. */
const GATEWAY_PORT = 1;
const DNS_PORT = 53;
const ANY_ADDRESS = { 4: '0.0.0.0', 6: '::' } as const;

/** Makes the sockets that the gateway serves and diverts packets to them; none without egress. */
export function openFabricSockets(
  netns: number,
  families: readonly FamilyPlan[],
  egress: boolean,
): FabricSockets {
  if (!egress) return { egressTcp: [], egressUdp: [], dnsTcp: [], dnsUdp: [] };
  const each = (open: (plan: FamilyPlan) => number): FamilySocket[] =>
    families.map((plan) => ({ fd: handOver(open(plan)), family: plan.family }));
  const gateway = { port: GATEWAY_PORT, netns, transparent: true };
  const sockets: FabricSockets = {
    egressTcp: each(({ family }) => listenTcp({ ...gateway, address: ANY_ADDRESS[family] })),
    egressUdp: each(({ family }) => bindUdp({ ...gateway, address: ANY_ADDRESS[family], reusePort: true })),
    dnsTcp: each(({ dnsUpstream }) => listenTcp({ address: dnsUpstream, port: DNS_PORT, netns })),
    dnsUdp: each(({ dnsUpstream }) => bindUdp({ address: dnsUpstream, port: DNS_PORT, netns })),
  };
  divertToGateway(netns, families, GATEWAY_PORT);
  return sockets;
}

/** Strikes a descriptor out of this thread's ledger: another thread owns it from now on. */
export function handOver(fd: number): number {
  threadLedger().forget(fd);
  return fd;
}
