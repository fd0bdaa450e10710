/** Cuts one range per node out of the cluster's. Pure. */
import { bigIntToIp, Cidr, ipToBigInt } from '#lib/ip.ts';

/** Hands out subnets of one length of one range, the lowest free one first. */
export class CidrAllocator {
  readonly #range: Cidr;
  readonly #maskSize: number;
  readonly #taken = new Set<bigint>();
  readonly #count: bigint;
  readonly #stepBits: bigint;

  /** Throws RangeError when the subnets would be larger than the range. */
  constructor(range: string, maskSize: number) {
    this.#range = Cidr.of(range);
    const bits = this.#range.family === 4 ? 32 : 128;
    if (maskSize < this.#range.prefixLength || maskSize > bits) {
      throw new RangeError(`nodes' /${maskSize} does not fit into the cluster's range ${range}`);
    }
    this.#maskSize = maskSize;
    this.#count = 1n << BigInt(maskSize - this.#range.prefixLength);
    this.#stepBits = BigInt(bits - maskSize);
  }

  /** Marks the subnets that `cidr` touches; ranges of others change nothing. */
  take(cidr: string): void {
    const index = this.#indexOf(cidr);
    if (index !== undefined) this.#taken.add(index);
  }

  free(cidr: string): void {
    const index = this.#indexOf(cidr);
    if (index !== undefined) this.#taken.delete(index);
  }

  /** The next free subnet, taken from now on; undefined when there is none left. */
  next(): string | undefined {
    for (let index = 0n; index < this.#count; index++) {
      if (this.#taken.has(index)) continue;
      this.#taken.add(index);
      const first = ipToBigInt(this.#range.network) + (index << this.#stepBits);
      return `${bigIntToIp(first, this.#range.family)}/${this.#maskSize}`;
    }
    return undefined;
  }

  #indexOf(text: string): bigint | undefined {
    const cidr = Cidr.parse(text);
    if (cidr === undefined || cidr.family !== this.#range.family) return undefined;
    const offset = ipToBigInt(cidr.network) - ipToBigInt(this.#range.network);
    if (offset < 0n) return undefined;
    const index = offset >> this.#stepBits;
    return index < this.#count ? index : undefined;
  }
}
