/** Bytes that are not SPDY/3.1. The connection they came on cannot go on. */
export class SpdyError extends Error {
  override readonly name = 'SpdyError';
}
