/* oxlint-disable typescript/no-unnecessary-type-parameters -- the caller knows what a resource holds */
import type { KubeObject } from '#api/machinery/object.ts';

/**
 * Name of a resource across groups, as upstream writes a GroupResource:
 * `pods`, `roles.rbac.authorization.k8s.io`.
 */
export type ResourceName = string;

export interface ObjectChange<T extends KubeObject = KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** The object now; of a deletion: as it was last. */
  readonly object: T;
  readonly previous?: T | undefined;
}

/**
 * The API server's own view of its stored objects: always current, in memory.
 * What it returns is shared and must not be modified.
 */
export interface ObjectReader {
  get<T extends KubeObject = KubeObject>(
    resource: ResourceName,
    namespace: string | undefined,
    name: string,
  ): T | undefined;
  /** Ordered by namespace and name; all namespaces when none is given. */
  list<T extends KubeObject = KubeObject>(resource: ResourceName, namespace?: string): T[];
  /** Calls `handler` after every change, in order, from now on. */
  onChange<T extends KubeObject = KubeObject>(
    resource: ResourceName,
    handler: (change: ObjectChange<T>) => void,
  ): Disposable;
}
