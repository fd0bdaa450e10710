import { type KubeObject, keyOf } from '#api/machinery/object.ts';
import { isNotFound } from '#api/machinery/status-error.ts';
import type { ApiClient } from '#kube/client.ts';
import type { Resource } from '#kube/resources.ts';

/** An object to store, and of which resource it is. Objects of namespaced kinds name their namespace. */
export interface ApplyItem {
  readonly resource: Resource;
  readonly object: KubeObject;
  /** One that is there stays as it is: it is the users' from then on. */
  readonly onlyCreate?: boolean | undefined;
}

/** Other objects need these to be there. */
const FIRST_KINDS = new Set(['Namespace', 'CustomResourceDefinition']);

/** Creates objects, or merges them into those that are there. Throws an Error that names the object that was refused. */
export async function applyObjects(client: ApiClient, items: readonly ApplyItem[]): Promise<void> {
  const isFirst = ({ resource }: ApplyItem): boolean => FIRST_KINDS.has(resource.kind);
  await Promise.all(items.filter(isFirst).map((item) => applyObject(client, item)));
  await Promise.all(items.filter((item) => !isFirst(item)).map((item) => applyObject(client, item)));
}

async function applyObject(client: ApiClient, { resource, object, onlyCreate }: ApplyItem): Promise<void> {
  const { namespace, name = '' } = object.metadata ?? {};
  try {
    // Looking first, as kubectl does: a Service that asks for its own address again would be refused for that.
    const present = await client.get(resource, { namespace, name }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    if (present === undefined) await client.create(resource, object);
    else if (onlyCreate !== true)
      await client.patch(resource, { namespace, name }, object, { type: 'merge' });
  } catch (error) {
    throw new Error(`${resource.kind} ${keyOf(object)}: ${(error as Error).message}`, { cause: error });
  }
}

/** Deletes those of the objects that are there. */
export async function removeObjects(client: ApiClient, items: readonly ApplyItem[]): Promise<void> {
  const remove = async ({ resource, object }: ApplyItem): Promise<void> => {
    const { namespace, name = '' } = object.metadata ?? {};
    await client.delete(resource, { namespace, name }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  };
  await Promise.all(items.map(remove));
}
