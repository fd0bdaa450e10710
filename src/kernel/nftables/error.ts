import { errnoName } from '#os/libc.ts';

/** What the kernel refused: `add elements to map inet portolan endpoints: ENOENT (2)`. */
export class NftablesError extends Error {
  override readonly name = 'NftablesError';
  /** Positive. */
  readonly errno: number;
  readonly code: string;
  /** The operation, in words. */
  readonly operation: string;

  constructor(operation: string, errno: number, explanation?: string) {
    const code = errnoName(errno);
    super(`${operation}: ${code} (${errno})${explanation === undefined ? '' : `: ${explanation}`}`);
    this.operation = operation;
    this.errno = errno;
    this.code = code;
  }
}
