/** Transports, each for IPv4 and IPv6: the index is `laneOf()`. */
export const LANE_TRANSPORTS = ['udp', 'tcp', 'tls', 'https'] as const;
export type Transport = (typeof LANE_TRANSPORTS)[number];

const LANES = LANE_TRANSPORTS.length * 2;
/** Types up to 255 are counted each, those above as type 0. */
export const COUNTED_TYPES = 256;

/** Upper bounds in seconds and in bytes, as CoreDNS has them; one more bucket has no bound. */
export const DURATION_BOUNDS = [
  0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096,
  8.192,
];
export const SIZE_BOUNDS = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16e3, 32e3, 48e3, 64e3];
export const SIZE_BUCKETS = SIZE_BOUNDS.length + 1;

/** The bucket of every size that a message can have. */
const BUCKET_OF_SIZE = Uint8Array.from({ length: 0x10000 }, (_, size) => bucketOf(SIZE_BOUNDS, size));

export function laneOf(transport: Transport, family: 4 | 6): number {
  return LANE_TRANSPORTS.indexOf(transport) * 2 + (family === 6 ? 1 : 0);
}

const TYPE_COUNTS = LANES * COUNTED_TYPES;
const CODE_COUNTS = 32;
const SIZE_COUNTS = LANES * SIZE_BUCKETS;
const DURATION_COUNTS = DURATION_BOUNDS.length + 1;
/** What all counters of one `AnswerCounts` take. */
export const COUNTS_BYTES =
  8 * (TYPE_COUNTS + LANES + CODE_COUNTS + 2 * SIZE_COUNTS + 2 * LANES + DURATION_COUNTS + 1);

/**
 * Counts of queries answered, in arrays that nothing is allocated for: by lane and type, lane and size,
 * response code, duration. One per set of labels (server, zone, view) that they are told under. In shared
 * memory, one thread counts and all can read.
 */
export class AnswerCounts {
  /** `[lane * COUNTED_TYPES + type]`. */
  readonly requests: Float64Array;
  /** By lane, those that had the DO bit. */
  readonly dnssecRequests: Float64Array;
  /** `[rcode]`. */
  readonly responses: Float64Array;
  /** `[lane * SIZE_BUCKETS + bucket]`, not cumulative. */
  readonly requestSizes: Float64Array;
  readonly responseSizes: Float64Array;
  /** Bytes, by lane. */
  readonly requestBytes: Float64Array;
  readonly responseBytes: Float64Array;
  /** `[bucket]`, not cumulative. */
  readonly durations: Float64Array;
  /** One number: the sum of all durations. */
  readonly durationSeconds: Float64Array;
  readonly #parts: AnswerCounts[] = [];
  /** Answers whose duration is not known yet: those of the batch being worked on. */
  #unsettled = 0;

  /** In `memory`, if given: `COUNTS_BYTES` bytes, zeros at first. */
  constructor(memory: ArrayBufferLike = new ArrayBuffer(COUNTS_BYTES)) {
    let offset = 0;
    const next = (length: number): Float64Array => {
      const array = new Float64Array(memory, offset, length);
      offset += array.byteLength;
      return array;
    };
    this.requests = next(TYPE_COUNTS);
    this.dnssecRequests = next(LANES);
    this.responses = next(CODE_COUNTS);
    this.requestSizes = next(SIZE_COUNTS);
    this.responseSizes = next(SIZE_COUNTS);
    this.requestBytes = next(LANES);
    this.responseBytes = next(LANES);
    this.durations = next(DURATION_COUNTS);
    this.durationSeconds = next(1);
  }

  /** These counters, and those that other threads keep under the same labels. */
  get parts(): readonly AnswerCounts[] {
    return [this, ...this.#parts];
  }

  /** Memory for another thread to count in; what it counts is told with these. */
  addPart(): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(COUNTS_BYTES);
    this.#parts.push(new AnswerCounts(memory));
    return memory;
  }

  /** Counts one answer. Its duration follows with `settle()`. */
  count(
    lane: number,
    type: number,
    rcode: number,
    dnssecOk: boolean,
    requestBytes: number,
    responseBytes: number,
  ): void {
    add(this.requests, lane * COUNTED_TYPES + (type < COUNTED_TYPES ? type : 0), 1);
    if (dnssecOk) add(this.dnssecRequests, lane, 1);
    add(this.responses, rcode & 31, 1);
    add(this.requestSizes, lane * SIZE_BUCKETS + (BUCKET_OF_SIZE[requestBytes] ?? 0), 1);
    add(this.responseSizes, lane * SIZE_BUCKETS + (BUCKET_OF_SIZE[responseBytes] ?? 0), 1);
    add(this.requestBytes, lane, requestBytes);
    add(this.responseBytes, lane, responseBytes);
    this.#unsettled++;
  }

  /** Says how long each answer counted since the last call took. */
  settle(seconds: number): void {
    if (this.#unsettled === 0) return;
    add(this.durations, bucketOf(DURATION_BOUNDS, seconds), this.#unsettled);
    add(this.durationSeconds, 0, seconds * this.#unsettled);
    this.#unsettled = 0;
  }
}

/** The first bucket whose bound is not below the value. */
function bucketOf(bounds: readonly number[], value: number): number {
  let bucket = 0;
  while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++;
  return bucket;
}

function add(counts: Float64Array, index: number, by: number): void {
  counts[index] = (counts[index] ?? 0) + by;
}
