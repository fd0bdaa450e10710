import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { ObjectReference } from '#api/core/v1.gen.ts';
import type { ApiClient } from '#kube/client.ts';
import { EventRecorder, referenceTo } from '#kube/events.ts';
import { PODS } from '#kube/resources.ts';

const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

export interface PodEventsOptions {
  readonly client: () => Promise<ApiClient>;
  readonly signal: AbortSignal;
  /** Of the service account. Default: where the kubelet puts it. */
  readonly namespaceFile?: string | undefined;
  readonly podName?: string | undefined;
}

/**
 * Warnings as events of the pod that we run in, so that `kubectl describe` shows them. The account may list pods, as
 * CoreDNS's may; where it may not create events, or this is no pod, nothing is written.
 */
export class PodEvents {
  readonly #options: PodEventsOptions;
  #recorder: EventRecorder | undefined;
  #pod: Promise<ObjectReference | undefined> | undefined;

  constructor(options: PodEventsOptions) {
    this.#options = options;
  }

  /** Resolves when it is written, or could not be. */
  async warn(reason: string, message: string): Promise<void> {
    const { client, signal } = this.#options;
    const pod = await (this.#pod ??= this.#find()).catch(() => {
      this.#pod = undefined;
    });
    if (pod === undefined || signal.aborted) return;
    this.#recorder ??= new EventRecorder({ client: await client(), component: 'portolan-dns', signal });
    this.#recorder.record(pod, 'Warning', reason, message);
    await this.#recorder.flush();
  }

  async #find(): Promise<ObjectReference | undefined> {
    const { client, signal, namespaceFile = NAMESPACE_FILE, podName = hostname() } = this.#options;
    const namespace = readFileSync(namespaceFile, 'utf8').trim();
    const fieldSelector = `metadata.name=${podName}`;
    const { items } = await (await client()).list(PODS, { namespace, fieldSelector, signal });
    const [pod] = items;
    return pod === undefined ? undefined : { ...referenceTo(PODS, pod), resourceVersion: undefined };
  }
}
