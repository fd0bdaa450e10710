import { errnoName } from '#os/libc.ts';
import type { RtnetlinkRequest } from '#wire/rtnetlink-types.ts';
import { describeRequest } from './rtnetlink-describe.ts';

/** A change that the kernel refused: `add address 10.244.0.5/32 to eth0: EEXIST (17)`. */
export class RtnetlinkError extends Error {
  override readonly name = 'RtnetlinkError';
  readonly request: RtnetlinkRequest;
  /** Positive. */
  readonly errno: number;
  readonly code: string;
  /** How many requests of the same run failed, this one included. */
  readonly failed: number;

  constructor(request: RtnetlinkRequest, errno: number, { explanation = '', failed = 1 } = {}) {
    const code = errnoName(errno);
    const why = explanation === '' ? '' : `: ${explanation}`;
    const others = failed > 1 ? ` (and ${failed - 1} more requests failed)` : '';
    super(`${describeRequest(request)}: ${code} (${errno})${why}${others}`);
    this.request = request;
    this.errno = errno;
    this.code = code;
    this.failed = failed;
  }
}
