import type { Socket } from 'node:net';

/**
 * Joins two connections until both directions have ended. Both must have been made with `allowHalfOpen`, so that one
 * side may end its direction and still receive; a connection that breaks resets the other.
 */
export function splice(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.setNoDelay(true);
    from.on('error', () => to.resetAndDestroy());
    from.on('close', () => {
      // Ended both ways, or broken: what is still on its way to the other side is written first.
      if (!from.readableEnded) to.destroy();
    });
    from.pipe(to);
  }
}
