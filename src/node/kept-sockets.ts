import { closeFd } from '#os/fd-ledger.ts';
import { bindUdp, listenTcp } from '#os/socket.ts';
import type { KeptSocket } from './plan-kept-sockets.ts';

/** Sockets of one container, kept over the lives of its process. */
export class KeptSockets implements Disposable {
  readonly planned: readonly KeptSocket[];
  readonly descriptors: number[] = [];

  /** Opens them in the pod's network namespace; throws when a port is taken. */
  constructor(planned: readonly KeptSocket[], netns: number | undefined) {
    this.planned = planned;
    try {
      for (const { protocol, address, port } of planned) {
        const open = protocol === 'TCP' ? listenTcp : bindUdp;
        this.descriptors.push(open({ address, port, netns }));
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const fd of this.descriptors.splice(0)) closeFd(fd);
  }
}

/** Those of all containers of a pod. */
export class PodSockets implements Disposable {
  readonly #kept = new Map<string, KeptSockets>();

  /** The container's; opened as planned when first asked for. */
  of(container: string, plan: () => readonly KeptSocket[], netns: number | undefined): KeptSockets {
    let kept = this.#kept.get(container);
    if (kept === undefined) this.#kept.set(container, (kept = new KeptSockets(plan(), netns)));
    return kept;
  }

  [Symbol.dispose](): void {
    for (const kept of this.#kept.values()) kept[Symbol.dispose]();
    this.#kept.clear();
  }
}
