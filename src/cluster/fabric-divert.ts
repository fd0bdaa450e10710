import {
  accept,
  type Chain,
  fib,
  ip,
  ip6,
  match,
  meta,
  Nftables,
  PRIORITIES,
  setMark,
  type Table,
  Transaction,
  tproxy,
} from '#kernel/nftables.ts';
import type { FamilyPlan } from './plan-addresses.ts';
import { DIVERT_MARK } from './plan-fabric.ts';

/** Hands TCP and UDP that leave the cluster's networks to the gateway's sockets in the fabric's namespace. */
export function divertToGateway(netns: number, families: readonly FamilyPlan[], port: number): void {
  const transaction = new Transaction();
  for (const family of families) addFamily(transaction, family, port);
  using nftables = Nftables.open({ netns });
  nftables.run(transaction);
}

function addFamily(transaction: Transaction, plan: FamilyPlan, port: number): void {
  const family = plan.family === 4 ? 'ip' : 'ip6';
  const destination = plan.family === 4 ? ip.daddr : ip6.daddr;
  const table: Table = { kind: 'table', family, name: 'portolan-gateway' };
  const chain: Chain = {
    kind: 'chain',
    table,
    name: 'divert',
    base: { type: 'filter', hook: 'prerouting', priority: PRIORITIES.mangle },
  };
  transaction.add(table, chain);
  for (const network of [plan.nodeNetwork, plan.podNetwork, plan.serviceNetwork]) {
    transaction.addRule(chain, [match(destination, '==', network), accept]);
  }
  // Neither broadcasts nor multicasts leave the cluster.
  transaction.addRule(chain, [match(fib(['daddr'], 'type'), '!=', 'unicast'), accept]);
  for (const protocol of ['tcp', 'udp']) {
    transaction.addRule(chain, [
      match(meta('l4proto'), '==', protocol),
      tproxy(family, { port }),
      setMark(DIVERT_MARK),
      accept,
    ]);
  }
}
