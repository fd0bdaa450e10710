import { LITTLE_ENDIAN } from '#wire/socket-address.ts';
import { libc } from './libc.ts';

const POLLIN = 1;
const POLLFD_BYTES = 8;

/** A function of koffi can also run in a thread of libuv's pool; its result is then told to a callback. */
interface AsyncCall {
  async(
    fds: Uint8Array,
    count: number,
    timeoutMs: number,
    told: (error: unknown, result: number) => void,
  ): void;
}

/** Node waits for its pool's threads when it exits, so none of them may wait for long. */
const SLICE_MS = 500;

/**
 * Waits until one of the descriptors has something to read (or has failed), without holding this thread up: Node's own
 * event loop watches only what it opened as a stream. Resolves with those that have. Takes a thread of libuv's pool for as long as it waits, so let
 * one of the descriptors be a pipe of your own by which to end it.
 */
export async function waitReadable(fds: readonly number[]): Promise<number[]> {
  const { list, view } = pollList(fds);
  const poll = libc().poll as unknown as AsyncCall;
  let result = 0;
  while (result === 0) {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    poll.async(list, fds.length, SLICE_MS, (error, count) => {
      if (error) reject(error);
      else resolve(count);
    });
    // Negative: a signal interrupted it. The caller looks and finds nothing.
    result = await promise;
  }
  return result < 0 ? [] : readableOf(fds, view);
}

/**
 * Holds this thread up until one of the descriptors has something to read (or has failed) or the time is over, and
 * returns those that have: for threads that have nothing else to do.
 */
export function waitReadableHere(fds: readonly number[], timeoutMs: number): number[] {
  const { list, view } = pollList(fds);
  if (libc().poll(list, fds.length, timeoutMs) <= 0) return [];
  return readableOf(fds, view);
}

function readableOf(fds: readonly number[], view: DataView): number[] {
  return fds.filter((_, index) => view.getInt16(index * POLLFD_BYTES + 6, LITTLE_ENDIAN) !== 0);
}

/** An array of `struct pollfd`. */
function pollList(fds: readonly number[]): { list: Uint8Array; view: DataView } {
  const list = new Uint8Array(fds.length * POLLFD_BYTES);
  const view = new DataView(list.buffer);
  fds.forEach((fd, index) => {
    view.setInt32(index * POLLFD_BYTES, fd, LITTLE_ENDIAN);
    view.setInt16(index * POLLFD_BYTES + 4, POLLIN, LITTLE_ENDIAN);
  });
  return { list, view };
}
