/** ObjectReader for tests: objects put in by hand. */
import type { KubeObject } from '#api/machinery/object.ts';
import type { ObjectChange, ObjectReader } from '#apiserver/reader.ts';

export class FakeReader implements ObjectReader {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #handlers = new Map<string, Set<(change: ObjectChange) => void>>();

  /** Adds or replaces. */
  put(resource: string, object: KubeObject): void {
    const objects = this.#of(resource);
    const previous = objects.get(keyOf(object));
    objects.set(keyOf(object), object);
    this.#tell(resource, { type: previous ? 'MODIFIED' : 'ADDED', object, previous });
  }

  remove(resource: string, namespace: string | undefined, name: string): void {
    const object = this.get(resource, namespace, name);
    if (object) {
      this.#of(resource).delete(keyOf(object));
      this.#tell(resource, { type: 'DELETED', object });
    }
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the interface has it
  get<T extends KubeObject>(resource: string, namespace: string | undefined, name: string): T | undefined {
    return this.#of(resource).get(`${namespace ?? ''}/${name}`) as T | undefined;
  }

  list<T extends KubeObject>(resource: string, namespace?: string): T[] {
    const all = [...this.#of(resource).values()] as T[];
    return namespace === undefined ? all : all.filter((object) => object.metadata?.namespace === namespace);
  }

  onChange<T extends KubeObject>(resource: string, handler: (change: ObjectChange<T>) => void): Disposable {
    const handlers = this.#handlers.get(resource) ?? new Set();
    this.#handlers.set(resource, handlers);
    handlers.add(handler as (change: ObjectChange) => void);
    return { [Symbol.dispose]: () => void handlers.delete(handler as (change: ObjectChange) => void) };
  }

  #of(resource: string): Map<string, KubeObject> {
    let objects = this.#objects.get(resource);
    if (!objects) {
      objects = new Map();
      this.#objects.set(resource, objects);
    }
    return objects;
  }

  #tell(resource: string, change: ObjectChange): void {
    this.#handlers.get(resource)?.forEach((handler) => handler(change));
  }
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}
