import {
  bigIntToBytes,
  bigIntToIp,
  bytesToIp,
  type Ip,
  type IpFamily,
  ipToBigInt,
  ipToBytes,
  parseIp,
} from './ip-address.ts';

/** An address with a prefix length: a network, or an interface's address within its network. */
export class Cidr {
  readonly family: IpFamily;
  /** As written: `10.0.0.5/24` keeps its 10.0.0.5. */
  readonly address: Ip;
  /** The first address. */
  readonly network: Ip;
  readonly prefixLength: number;
  readonly #base: bigint;
  readonly #hostBits: bigint;

  constructor(address: string, prefixLength: number) {
    const bytes = ipToBytes(address);
    const bits = bytes.length * 8;
    if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > bits) {
      throw new RangeError(`a prefix length of ${prefixLength} is not between 0 and ${bits}`);
    }
    this.family = bytes.length === 4 ? 4 : 6;
    this.address = bytesToIp(bytes);
    this.prefixLength = prefixLength;
    this.#hostBits = BigInt(bits - prefixLength);
    this.#base = (ipToBigInt(this.address) >> this.#hostBits) << this.#hostBits;
    this.network = bytesToIp(bigIntToBytes(this.#base, this.family));
  }

  /** Reads `10.0.0.0/8` or `fd00::/8` (no leading zeros anywhere); undefined when it is neither. */
  static parse(text: string): Cidr | undefined {
    const slash = text.indexOf('/');
    const address = slash < 0 ? undefined : parseIp(text.slice(0, slash));
    if (address === undefined) return undefined;
    const length = text.slice(slash + 1);
    if (!/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
    const prefixLength = Number(length);
    if (prefixLength > (address.includes(':') ? 128 : 32)) return undefined;
    return new Cidr(address, prefixLength);
  }

  /** As `parse()`, for text that a program wrote: throws a `TypeError` that quotes what is no CIDR. */
  static of(text: string): Cidr {
    const parsed = Cidr.parse(text);
    if (parsed === undefined) throw new TypeError(`${JSON.stringify(text)} is not a CIDR such as 10.0.0.0/8`);
    return parsed;
  }

  /** The /32 or /128 of one address. */
  static host(address: string): Cidr {
    return new Cidr(address, address.includes(':') ? 128 : 32);
  }

  /** How many addresses there are, first and last included. */
  get size(): bigint {
    return 1n << this.#hostBits;
  }

  /** The last address. */
  get broadcast(): Ip {
    return bigIntToIp(this.#base + this.size - 1n, this.family);
  }

  /** Whether an address, or all of another CIDR, lies inside. The other family never does. */
  contains(other: string | Cidr): boolean {
    if (other instanceof Cidr) {
      return (
        other.family === this.family &&
        other.prefixLength >= this.prefixLength &&
        this.contains(other.network)
      );
    }
    const bytes = ipToBytes(other);
    if ((bytes.length === 4 ? 4 : 6) !== this.family) return false;
    return ipToBigInt(other) >> this.#hostBits === this.#base >> this.#hostBits;
  }

  overlaps(other: Cidr): boolean {
    return this.contains(other) || other.contains(this);
  }

  /** The address n places after the first (n = 0); counts back from behind the end when negative. */
  nthAddress(n: number | bigint): Ip {
    const index = BigInt(n) < 0n ? this.size + BigInt(n) : BigInt(n);
    if (index < 0n || index >= this.size) throw new RangeError(`${this.format()} has no address number ${n}`);
    return bigIntToIp(this.#base + index, this.family);
  }

  /** How many places after the first address it is; undefined when it lies outside. */
  indexOf(address: string): bigint | undefined {
    return this.contains(address) ? ipToBigInt(address) - this.#base : undefined;
  }

  /** The n-th of the equally large parts with this longer prefix, such as a node's /22 of a pod /16. */
  nthSubnet(prefixLength: number, n: number | bigint): Cidr {
    const bits = this.family === 4 ? 32 : 128;
    if (prefixLength < this.prefixLength || prefixLength > bits) {
      throw new RangeError(`${this.format()} has no part with a prefix of ${prefixLength}`);
    }
    return new Cidr(this.nthAddress(BigInt(n) << BigInt(bits - prefixLength)), prefixLength);
  }

  /** The network mask: 255.255.255.0 of a /24. */
  get netmask(): Ip {
    const all = (1n << (this.family === 4 ? 32n : 128n)) - 1n;
    return bigIntToIp((all >> this.#hostBits) << this.#hostBits, this.family);
  }

  /** `network/length`, without host bits. */
  format(): string {
    return `${this.network}/${this.prefixLength}`;
  }

  toString(): string {
    return this.format();
  }

  toJSON(): string {
    return this.format();
  }
}
