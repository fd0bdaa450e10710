/** One informer per kind for all controllers of the process, so that each object is sent and kept once. */
import type { KubeObject } from '#api/machinery/object.ts';
import type { ApiClient } from '#kube/client.ts';
import { type Informer, startInformer } from '#kube/informer.ts';
import type { Resource } from '#kube/resources.ts';

export interface SharedInformersOptions {
  client: ApiClient;
  signal: AbortSignal;
  onError: (error: Error) => void;
}

export class SharedInformers {
  readonly #options: SharedInformersOptions;
  readonly #informers = new Map<string, Informer<KubeObject>>();

  constructor(options: SharedInformersOptions) {
    this.#options = options;
  }

  /** The informer of a kind; started when it is asked for the first time. */
  get<T extends KubeObject>(resource: Resource<T>): Informer<T> {
    const key = `${resource.group}/${resource.version}/${resource.plural}`;
    let informer = this.#informers.get(key);
    if (informer === undefined) {
      const { client, ...options } = this.#options;
      informer = startInformer<KubeObject>(client, resource, { ...options, transform: trimmed });
      this.#informers.set(key, informer);
    }
    return informer as unknown as Informer<T>;
  }

  has(resource: Resource): boolean {
    return this.#informers.has(`${resource.group}/${resource.version}/${resource.plural}`);
  }

  /** Resolves once every informer started so far has its first list. */
  async synced(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.synced));
  }
}

/** Nobody here reads managedFields, which are often half of an object. */
function trimmed(object: KubeObject): KubeObject {
  if (object.metadata?.managedFields !== undefined) delete object.metadata.managedFields;
  return object;
}
