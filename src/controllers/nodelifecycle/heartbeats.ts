/** When each node was last heard, by our own clock: nodes' clocks may be wrong. */
import type { Lease } from '#api/coordination/v1.gen.ts';
import type { Node } from '#api/core/v1.gen.ts';
import { readyCondition } from './plan-taints.ts';

interface Heard {
  sign: string;
  atMs: number;
}

export class Heartbeats {
  readonly #heard = new Map<string, Heard>();

  /** Takes note of the node's signs of life; resolves to when the last new one came. */
  observe(node: Node, lease: Lease | undefined, nowMs: number): number {
    const name = node.metadata?.name ?? '';
    const ready = readyCondition(node);
    // What we wrote ourselves (Unknown) is no sign of life.
    const status = ready?.status === 'Unknown' ? '' : `${ready?.status} ${ready?.lastHeartbeatTime}`;
    const sign = `${lease?.spec?.renewTime} ${status}`;
    const known = this.#heard.get(name);
    const sameStatus =
      known !== undefined &&
      (known.sign === sign || (status === '' && known.sign.startsWith(`${lease?.spec?.renewTime} `)));
    if (known !== undefined && sameStatus) return known.atMs;
    this.#heard.set(name, { sign, atMs: nowMs });
    return nowMs;
  }

  forget(name: string): void {
    this.#heard.delete(name);
  }
}
