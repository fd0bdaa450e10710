/** Makes and ends the pods of a DaemonSet. */
import type { DaemonSet } from '#api/apps/v1.gen.ts';
import type { Pod } from '#api/core/v1.gen.ts';
import type { ControllerContext } from '#controllers/shared/context.ts';
import type { Expectations } from '#controllers/shared/expectations.ts';
import { controllerReference } from '#controllers/shared/owners.ts';
import { podFromTemplate } from '#controllers/shared/pods.ts';
import { slowStart } from '#controllers/shared/slow-start.ts';
import { isConflict, isNamespaceTerminating, isNotFound } from '#kube/errors.ts';
import { type EventRecorder, referenceTo } from '#kube/events.ts';
import { DAEMON_SETS, PODS } from '#kube/resources.ts';
import { specFor } from './plan-nodes.ts';
import { type DaemonPlan, HASH_LABEL, hashOf } from './plan-pods.ts';

export interface ApplyParts {
  context: ControllerContext;
  key: string;
  expectations: Expectations;
  recorder: EventRecorder;
}

/** Rejects with what went wrong first; the rest is done. What is made is not mixed with what is ended. */
export async function applyPods(plan: DaemonPlan, set: DaemonSet, parts: ApplyParts): Promise<void> {
  if (plan.remove.length > 0) await deletePods(plan.remove, set, parts);
  else if (plan.create.length > 0) await createPods(plan.create, set, parts);
}

async function createPods(
  nodes: readonly string[],
  set: DaemonSet,
  { context: { client, signal }, key, expectations, recorder }: ApplyParts,
): Promise<void> {
  const about = referenceTo(DAEMON_SETS, set);
  expectations.expectCreations(key, nodes.length);
  const { succeeded, error } = await slowStart(nodes.length, async (index) => {
    const created = await client.create(PODS, podOn(nodes[index] ?? '', set), { signal });
    recorder.record(about, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata?.name}`);
  });
  expectations.creationObserved(key, nodes.length - succeeded);
  if (error === undefined || isNamespaceTerminating(error)) return;
  recorder.record(about, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
  throw error;
}

function podOn(node: string, set: DaemonSet): Pod {
  const { namespace = '', name = '' } = set.metadata ?? {};
  const { metadata, spec = { containers: [] } } = set.spec.template;
  const template = {
    metadata: { ...metadata, labels: { ...metadata?.labels, [HASH_LABEL]: hashOf(set) } },
    spec: specFor(spec, node),
  };
  const generateName = `${name.slice(0, 57)}-`;
  return podFromTemplate(template, namespace, controllerReference(DAEMON_SETS, set), { generateName });
}

async function deletePods(
  pods: readonly Pod[],
  set: DaemonSet,
  { context: { client, signal }, key, expectations, recorder }: ApplyParts,
): Promise<void> {
  const about = referenceTo(DAEMON_SETS, set);
  expectations.expectDeletions(
    key,
    pods.map(({ metadata }) => metadata?.uid ?? ''),
  );
  const remove = async ({ metadata }: Pod): Promise<void> => {
    const { namespace, name = '', uid = '' } = metadata ?? {};
    try {
      await client.delete(PODS, { namespace, name }, { preconditions: { uid }, signal });
    } catch (error) {
      // No event of ours will come of it.
      expectations.deletionObserved(key, uid);
      if (isNotFound(error) || isConflict(error)) return;
      recorder.record(about, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`);
      throw error;
    }
    recorder.record(about, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  };
  const results = await Promise.allSettled(pods.map(remove));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
