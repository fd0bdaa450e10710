import { Cidr, ipFamily } from '#lib/ip.ts';

/** CIDRs of the node's primary family come first, so that a pod's first address is of the family of its node's. */
export function primaryFirst(cidrs: readonly string[], nodeIps: readonly string[]): string[] {
  const primary = ipFamily(nodeIps[0] ?? '0.0.0.0');
  const rank = (cidr: string): number => (Cidr.of(cidr).family === primary ? 0 : 1);
  return [...cidrs].sort((a, b) => rank(a) - rank(b));
}

/** Hands out the addresses of a node's pod CIDRs, one of each family per pod; a freed one comes back last. */
export class AddressPool {
  readonly #pools: { cidr: Cidr; next: number; end: number; used: Set<number> }[];

  constructor(cidrs: readonly string[]) {
    this.#pools = cidrs.map((text) => {
      const cidr = Cidr.of(text);
      const size = cidr.size > 65_536n ? 65_536 : Number(cidr.size);
      return { cidr, next: 1, end: size - 1, used: new Set<number>() };
    });
  }

  /** One address per CIDR, in the order of the CIDRs. Throws when a CIDR has none left. */
  allocate(): string[] {
    const taken = this.#pools.map((pool) => {
      for (let tried = 1; tried < pool.end; tried++) {
        const index = pool.next;
        pool.next = index + 1 >= pool.end ? 1 : index + 1;
        if (!pool.used.has(index)) return { pool, index };
      }
      throw new Error(`no pod address is left in ${pool.cidr.format()}`);
    });
    return taken.map(({ pool, index }) => {
      pool.used.add(index);
      return pool.cidr.nthAddress(index);
    });
  }

  /** Takes addresses back; foreign ones are ignored. */
  release(addresses: readonly string[]): void {
    for (const address of addresses) {
      for (const { cidr, used } of this.#pools) {
        const index = cidr.indexOf(address);
        if (index !== undefined) used.delete(Number(index));
      }
    }
  }
}
