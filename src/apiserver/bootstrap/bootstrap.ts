import { kindOfObject } from '#api/machinery/kinds.ts';
import { type KubeObject, metaOf } from '#api/machinery/object.ts';
import { isAlreadyExists } from '#api/machinery/status-error.ts';
import { bootstrapObjects } from '#apiserver/auth/bootstrap.ts';
import type { User } from '#apiserver/auth/types.ts';
import { createObject } from '#apiserver/engine/create.ts';
import { currentEntry, type Engine } from '#apiserver/engine/engine.ts';
import { servedKind } from '#apiserver/engine/resources.ts';

/** As whom the server writes on its own behalf. */
export const LOOPBACK_USER: User = {
  username: 'system:apiserver',
  groups: ['system:masters', 'system:authenticated'],
};

const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

const PRIORITY_CLASSES = [
  {
    name: 'system-node-critical',
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
  {
    name: 'system-cluster-critical',
    value: 2_000_000_000,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
];

/** Creates what every cluster has from its first moment. What exists is left as it is. */
export async function bootstrap(engine: Engine): Promise<void> {
  await createMissing(engine, NAMESPACES.map(namespace));
  await createMissing(engine, [...PRIORITY_CLASSES.map(priorityClass), ...bootstrapObjects()]);
}

/** All at once, so that they share a transaction. */
export async function createMissing(engine: Engine, objects: readonly KubeObject[]): Promise<void> {
  await Promise.all(objects.map((object) => createIfMissing(engine, object)));
}

async function createIfMissing(engine: Engine, object: KubeObject): Promise<void> {
  const kind = kindOfObject(object);
  if (kind === undefined) throw new Error(`bootstrap: no kind ${object.apiVersion}/${object.kind}`);
  const served = servedKind(kind);
  const { namespace = '', name = '' } = metaOf(object);
  if (currentEntry(engine, { served, namespace, name }) !== undefined) return;
  const scope = { user: LOOPBACK_USER, dryRun: false, warnings: [] };
  await createObject(engine, served, namespace, structuredClone(object), scope).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
}

function namespace(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

function priorityClass({ name, value, description }: (typeof PRIORITY_CLASSES)[number]): KubeObject {
  const object = {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    value,
    description,
  };
  return object;
}
