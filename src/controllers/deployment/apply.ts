/** Carries out the plan of a Deployment. */
import type { Deployment, ReplicaSet } from '#api/apps/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { type ControllerContext, unlessGone } from '#controllers/shared/context.ts';
import { controllerOf } from '#controllers/shared/owners.ts';
import { isAlreadyExists, isNamespaceTerminating } from '#kube/errors.ts';
import { type EventRecorder, referenceTo } from '#kube/events.ts';
import { DEPLOYMENTS, REPLICA_SETS } from '#kube/resources.ts';
import type { DeploymentPlan } from './plan.ts';
import { REVISION } from './plan-sets.ts';

export async function applyDeployment(
  deployment: Deployment,
  plan: DeploymentPlan,
  context: ControllerContext,
  recorder: EventRecorder,
): Promise<void> {
  const { client, signal } = context;
  const about = referenceTo(DEPLOYMENTS, deployment);
  const scaled = (name: string | undefined, before: number, after: number) => {
    const direction = after > before ? 'up' : 'down';
    const message = `Scaled ${direction} replica set ${name} from ${before} to ${after}`;
    recorder.record(about, 'Normal', 'ScalingReplicaSet', message);
  };
  if (plan.create !== undefined) {
    const created = await createSet(deployment, plan.create, context);
    if (created === undefined) return;
    const replicas = plan.create.spec?.replicas ?? 0;
    if (replicas > 0) scaled(plan.create.metadata?.name, 0, replicas);
  }
  for (const { set, before, after } of plan.update) {
    await client.update(REPLICA_SETS, set, { signal });
    if (before !== after) scaled(set.metadata?.name, before, after);
  }
  for (const set of plan.remove) {
    const { namespace, name = '', uid } = set.metadata ?? {};
    await unlessGone(client.delete(REPLICA_SETS, { namespace, name }, { preconditions: { uid }, signal }));
  }
  await writeDeployment(deployment, plan, context);
}

/** Undefined when the set is not there afterwards, so that the rest of the plan does not hold. */
async function createSet(
  deployment: Deployment,
  set: ReplicaSet,
  context: ControllerContext,
): Promise<ReplicaSet | undefined> {
  const { client, signal } = context;
  try {
    return await client.create(REPLICA_SETS, set, { signal });
  } catch (error) {
    if (isNamespaceTerminating(error)) return undefined;
    if (!isAlreadyExists(error)) throw error;
  }
  const { namespace, name = '' } = set.metadata ?? {};
  const there = await client.get(REPLICA_SETS, { namespace, name }, { signal });
  const ours = controllerOf(there)?.uid === deployment.metadata?.uid;
  if (ours && equalJson(there.spec?.template, set.spec?.template)) return there;
  // Another template has the same hash: the next attempt counts this in.
  const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
  await client.updateStatus(
    DEPLOYMENTS,
    { ...deployment, status: { ...deployment.status, collisionCount } },
    { signal },
  );
  return undefined;
}

/** The revision is an annotation, everything else is status: two writes, the second on top of the first. */
async function writeDeployment(
  deployment: Deployment,
  plan: DeploymentPlan,
  { client, signal }: ControllerContext,
): Promise<void> {
  let current: Deployment | undefined = deployment;
  const { namespace, name = '' } = deployment.metadata ?? {};
  if (plan.revision !== undefined) {
    const patch = { metadata: { annotations: { [REVISION]: plan.revision } } };
    current = await unlessGone(client.patch(DEPLOYMENTS, { namespace, name }, patch, { signal }));
  }
  if (plan.status === undefined || current === undefined) return;
  await unlessGone(client.updateStatus(DEPLOYMENTS, { ...current, status: plan.status }, { signal }));
}
