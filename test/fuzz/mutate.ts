/** Random numbers that come again with the same seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  /** One of them; there has to be one. */
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}

/** Bytes that lengths, counts, types and pointers are sensitive to. */
const TELLING = [0, 1, 2, 12, 41, 63, 64, 127, 128, 191, 192, 193, 251, 252, 254, 255];
const MAX_BYTES = 2000;

/** A copy with a few things wrong; now and then with nothing wrong. */
export function mutate(message: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let bytes: Buffer = Buffer.from(message);
  for (let changes = random.below(5); changes > 0; changes--) {
    bytes = change(bytes, random, others).subarray(0, MAX_BYTES);
  }
  return bytes;
}

function change(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  const at = random.below(bytes.length + 1);
  switch (random.below(8)) {
    case 0:
      return withByte(bytes, at, random.below(256));
    case 1:
      return withByte(bytes, at, random.pick(TELLING));
    case 2:
      return withByte(bytes, at, (bytes[at] ?? 0) ^ (1 << random.below(8)));
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(8))]);
    case 5: {
      const more = Buffer.alloc(1 + random.below(20), random.pick(TELLING));
      return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
    }
    case 6: {
      const other = random.pick(others);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length))]);
    }
    default:
      // A count or a flag in the header.
      return withByte(bytes, 2 + random.below(10), random.pick(TELLING));
  }
}

function withByte(bytes: Buffer, at: number, byte: number): Buffer {
  if (at < bytes.length) bytes[at] = byte;
  return bytes;
}
