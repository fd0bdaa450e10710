import type { ForwardPolicy } from './config.ts';

/** The order in which servers are tried for one query. `turn` counts queries. */
export function planOrder<T>(
  policy: ForwardPolicy,
  servers: readonly T[],
  turn: number,
  random: (below: number) => number,
): readonly T[] {
  switch (policy) {
    case 'sequential':
      return servers;
    case 'round_robin': {
      const first = turn % Math.max(1, servers.length);
      return [...servers.slice(first), ...servers.slice(0, first)];
    }
    default: {
      const order = [...servers];
      for (let i = order.length - 1; i > 0; i--) {
        const j = random(i + 1);
        const [a, b] = [order[i], order[j]];
        if (a !== undefined && b !== undefined) [order[i], order[j]] = [b, a];
      }
      return order;
    }
  }
}
