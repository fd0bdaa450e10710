/** Carries out what was decided about one object. Conflicts mean: it changed, decide again. */
import { type ControllerContext, unlessGone } from '#controllers/shared/context.ts';
import { releasePatch } from '#controllers/shared/owners.ts';
import type { Action } from './plan-collect.ts';
import { FOREGROUND, type Graph, type GraphNode, ORPHAN } from './plan-graph.ts';

export async function applyAction(
  action: Exclude<Action, { kind: 'keep' | 'delete-dependents' }>,
  node: GraphNode,
  graph: Graph,
  { client, signal }: ControllerContext,
): Promise<void> {
  const { kind, namespace, name, uid, resourceVersion } = node;
  const key = { namespace, name };
  switch (action.kind) {
    case 'delete': {
      const preconditions = { uid, resourceVersion };
      const options = { propagationPolicy: action.propagation, preconditions, signal };
      await unlessGone(client.delete(kind, key, options));
      return;
    }
    case 'drop-owners':
      await dropOwners(node, action.uids, { client, signal });
      return;
    case 'orphan-dependents':
      for (const dependent of graph.dependentsOf(uid)) await dropOwners(dependent, [uid], { client, signal });
      await removeFinalizer(node, ORPHAN, { client, signal });
      return;
    case 'finish-foreground':
      await removeFinalizer(node, FOREGROUND, { client, signal });
  }
}

type Access = Pick<ControllerContext, 'client' | 'signal'>;

async function dropOwners(
  node: GraphNode,
  uids: readonly string[],
  { client, signal }: Access,
): Promise<void> {
  const { kind, namespace, name, uid } = node;
  for (const owner of uids) {
    const how = { type: 'strategic', signal } as const;
    await unlessGone(client.patch(kind, { namespace, name }, releasePatch(owner, uid), how));
  }
}

async function removeFinalizer(
  node: GraphNode,
  finalizer: string,
  { client, signal }: Access,
): Promise<void> {
  const { kind, namespace, name, uid, resourceVersion } = node;
  const finalizers = node.finalizers.filter((other) => other !== finalizer);
  const patch = { metadata: { uid, resourceVersion, finalizers } };
  await unlessGone(client.patch(kind, { namespace, name }, patch, { type: 'merge', signal }));
}
