/** ConfigMaps and Secrets that pods of the node refer to: one watch per object, as long as somebody holds it. */
import type { KubeObject } from '#api/machinery/object.ts';
import type { ApiClient } from '#kube/client.ts';
import { isNotFound } from '#kube/errors.ts';
import { type Informer, startInformer } from '#kube/informer.ts';
import type { Resource } from '#kube/resources.ts';

interface Entry {
  informer: Informer<KubeObject>;
  abort: AbortController;
  holders: number;
}

/** A followed object. Disposing of it lets go. */
export interface HeldObject<T extends KubeObject> extends Disposable {
  /** Resolves when the server has said whether the object exists. */
  readonly synced: Promise<void>;
  current(): T | undefined;
}

export class ObjectCache {
  readonly #client: ApiClient;
  readonly #signal: AbortSignal;
  readonly #entries = new Map<string, Entry>();

  constructor(client: ApiClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  /** Follows an object; `onChange` is told of each change after the first state. */
  hold<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string,
    name: string,
    onChange: () => void,
  ): HeldObject<T> {
    const key = `${resource.plural}/${namespace}/${name}`;
    const entry = this.#entries.get(key) ?? this.#follow(resource, namespace, name);
    this.#entries.set(key, entry);
    entry.holders++;
    const stop = entry.informer.onChange({
      onAdd: () => entry.informer.hasSynced && onChange(),
      onUpdate: onChange,
      onDelete: onChange,
    });
    let released = false;
    return {
      synced: entry.informer.synced,
      current: () => entry.informer.store.get(`${namespace}/${name}`) as T | undefined,
      [Symbol.dispose]: () => {
        if (released) return;
        released = true;
        stop();
        if (--entry.holders > 0) return;
        this.#entries.delete(key);
        entry.abort.abort();
      },
    };
  }

  /** The object as it is now; undefined when there is none. */
  async fetch<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const entry = this.#entries.get(`${resource.plural}/${namespace}/${name}`);
    const known = entry?.informer.store.get(`${namespace}/${name}`);
    if (known !== undefined) return known as T;
    return this.#client.get(resource, { namespace, name }, { signal }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }

  #follow<T extends KubeObject>(resource: Resource<T>, namespace: string, name: string): Entry {
    const abort = new AbortController();
    const informer = startInformer<T>(this.#client, resource, {
      namespace,
      fieldSelector: `metadata.name=${name}`,
      signal: AbortSignal.any([abort.signal, this.#signal]),
    });
    return { informer, abort, holders: 0 };
  }
}
