import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { type Informer, startInformer } from '#kube/informer.ts';
import { ENDPOINT_SLICES } from '#kube/resources.ts';
import { closeFd } from '#os/fd-ledger.ts';
import { bindUdp, listenTcp } from '#os/socket.ts';
import type { PodParts } from './launch-container.ts';
import type { KeptSocket } from './plan-kept-sockets.ts';
import { standInService } from './plan-stand-in.ts';
import type { RunningContainer } from './running-container.ts';
import { StandIn } from './stand-in.ts';

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
  readonly #standIns = new Map<string, StandIn>();
  #slices: Informer<EndpointSlice> | undefined;

  /** The container's; opened as planned when first asked for. */
  of(container: string, plan: () => readonly KeptSocket[], netns: number | undefined): KeptSockets {
    let kept = this.#kept.get(container);
    if (kept === undefined) this.#kept.set(container, (kept = new KeptSockets(plan(), netns)));
    return kept;
  }

  /** Should this process end while its pod does not, the Service that stands in answers until `served()`. */
  follow(
    container: string,
    running: Pick<RunningContainer, 'exited'>,
    { pod, podIps, netns, context: { config }, signal }: PodParts,
  ): void {
    const service = standInService(pod);
    if (service === undefined) return;
    // Known beforehand: when it is wanted, there is no time to ask.
    const slices = (this.#slices ??= startInformer(config.client, ENDPOINT_SLICES, {
      namespace: service.namespace,
      labelSelector: `kubernetes.io/service-name=${service.name}`,
      signal,
      onError: (error) => config.onError?.(error),
    }));
    void running.exited.then(() => {
      if (signal.aborted) return;
      const { planned = [], descriptors = [] } = this.#kept.get(container) ?? {};
      const sockets = planned.flatMap(({ protocol, address, port }, i) => {
        const fd = descriptors[i];
        return protocol === 'UDP' && fd !== undefined ? [{ fd, address, port }] : [];
      });
      if (sockets.length === 0 || this.#standIns.has(container)) return;
      const options = { netns, podIps, sockets, slices: () => slices.store.list() };
      this.#standIns.set(container, new StandIn(options));
    });
  }

  /** The container's process answers again. */
  served(container: string): void {
    this.#standIns.get(container)?.leave();
    this.#standIns.delete(container);
  }

  [Symbol.dispose](): void {
    for (const standIn of this.#standIns.values()) standIn[Symbol.dispose]();
    for (const kept of this.#kept.values()) kept[Symbol.dispose]();
    this.#kept.clear();
  }
}
