import type { DnsName } from './dns-name.ts';

/** Bytes of a growing message; names are compressed against those written before (RFC 1035 §4.1.4). */
export class DnsWriter {
  #bytes: Buffer = Buffer.allocUnsafe(512);
  #length = 0;
  /** Where a suffix begins, by its labels. Case matters, so that each name keeps the case it was given. */
  readonly #suffixes = new Map<string, number>();

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#length = this.#bytes.writeUInt16BE(value & 0xffff, this.#length);
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#length = this.#bytes.writeUInt32BE(value >>> 0, this.#length);
    return this;
  }

  bytes(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** One char a byte. */
  latin1(text: string): this {
    this.#reserve(text.length);
    this.#length += this.#bytes.write(text, this.#length, 'latin1');
    return this;
  }

  /**
   * Names inside data of types younger than RFC 1035 (SRV) must not be compressed (RFC 3597 §4); later names may
   * still point into them.
   */
  name(name: DnsName, compress = true): this {
    for (let i = 0; i < name.length; i++) {
      const suffix = name.slice(i).join('\0');
      const known = this.#suffixes.get(suffix);
      if (known !== undefined && compress) return this.u16(0xc000 | known);
      if (known === undefined && this.#length < 0x4000) this.#suffixes.set(suffix, this.#length);
      const label = name[i] ?? '';
      this.u8(label.length).latin1(label);
    }
    return this.u8(0);
  }

  /** Writes a 16-bit length and then what `body` writes. */
  withLength(body: () => void): this {
    const at = this.#length;
    this.u16(0);
    body();
    this.#bytes.writeUInt16BE(this.#length - at - 2, at);
    return this;
  }

  /** The bytes so far; they stay valid until the next write. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count));
    this.#bytes.copy(grown);
    this.#bytes = grown;
  }
}
