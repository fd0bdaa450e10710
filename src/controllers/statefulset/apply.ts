/** Writes the revisions and pods of a StatefulSet. */
import type { StatefulSet } from '#api/apps/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { type ControllerContext, unlessGone } from '#controllers/shared/context.ts';
import { isAlreadyExists, isConflict, isNamespaceTerminating, isNotFound } from '#kube/errors.ts';
import { type EventRecorder, referenceTo } from '#kube/events.ts';
import { CONTROLLER_REVISIONS, PODS, STATEFUL_SETS } from '#kube/resources.ts';
import { newPod } from './plan-identity.ts';
import type { Step } from './plan-pods.ts';
import type { RevisionPlan } from './plan-revisions.ts';

/** False: the revision could not be had under its name; to be planned again. */
export async function applyRevisions(
  { update, write, remove }: RevisionPlan,
  set: StatefulSet,
  { client, signal }: ControllerContext,
): Promise<boolean> {
  const { namespace } = set.metadata ?? {};
  if (write === 'renumber') await client.update(CONTROLLER_REVISIONS, update, { signal });
  if (write === 'create') {
    try {
      await client.create(CONTROLLER_REVISIONS, update, { signal });
    } catch (error) {
      if (isNamespaceTerminating(error)) return false;
      if (!isAlreadyExists(error)) throw error;
      const there = await client.get(
        CONTROLLER_REVISIONS,
        { namespace, name: update.metadata?.name ?? '' },
        { signal },
      );
      if (!equalJson(there.data, update.data)) {
        // Another template has the same hash: the next attempt counts this in.
        const collisionCount = (set.status?.collisionCount ?? 0) + 1;
        const status = { replicas: 0, ...set.status, collisionCount };
        await client.updateStatus(STATEFUL_SETS, { ...set, status }, { signal });
        return false;
      }
    }
  }
  for (const { metadata } of remove) {
    const key = { namespace, name: metadata?.name ?? '' };
    await unlessGone(
      client.delete(CONTROLLER_REVISIONS, key, { preconditions: { uid: metadata?.uid }, signal }),
    );
  }
  return true;
}

export async function applySteps(
  steps: readonly Step[],
  set: StatefulSet,
  revisions: RevisionPlan,
  context: ControllerContext,
  recorder: EventRecorder,
): Promise<void> {
  await Promise.all(
    steps.map((step) =>
      step.kind === 'create'
        ? createPod(set, revisions, step, context, recorder)
        : deletePod(set, step, context, recorder),
    ),
  );
}

async function createPod(
  set: StatefulSet,
  revisions: RevisionPlan,
  { ordinal, revision }: Extract<Step, { kind: 'create' }>,
  { client, signal }: ControllerContext,
  recorder: EventRecorder,
): Promise<void> {
  const pod = newPod(set, revisions[revision], ordinal);
  const about = referenceTo(STATEFUL_SETS, set);
  const what = `Pod ${pod.metadata?.name} in StatefulSet ${set.metadata?.name}`;
  try {
    await client.create(PODS, pod, { signal });
  } catch (error) {
    // Made already, only the watch has not told yet.
    if (isAlreadyExists(error) || isNamespaceTerminating(error)) return;
    recorder.record(
      about,
      'Warning',
      'FailedCreate',
      `create ${what} failed error: ${(error as Error).message}`,
    );
    throw error;
  }
  recorder.record(about, 'Normal', 'SuccessfulCreate', `create ${what} successful`);
}

async function deletePod(
  set: StatefulSet,
  { pod }: Extract<Step, { kind: 'delete' }>,
  { client, signal }: ControllerContext,
  recorder: EventRecorder,
): Promise<void> {
  const { namespace, name = '', uid } = pod.metadata ?? {};
  const about = referenceTo(STATEFUL_SETS, set);
  const what = `Pod ${name} in StatefulSet ${set.metadata?.name}`;
  try {
    await client.delete(PODS, { namespace, name }, { preconditions: { uid }, signal });
  } catch (error) {
    if (isNotFound(error) || isConflict(error)) return;
    recorder.record(
      about,
      'Warning',
      'FailedDelete',
      `delete ${what} failed error: ${(error as Error).message}`,
    );
    throw error;
  }
  recorder.record(about, 'Normal', 'SuccessfulDelete', `delete ${what} successful`);
}
