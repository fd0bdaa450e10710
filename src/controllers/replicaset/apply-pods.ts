/** Creates and deletes the pods of a plan. */
import type { Pod, PodTemplateSpec } from '#api/core/v1.gen.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import type { ControllerContext } from '#controllers/shared/context.ts';
import type { Expectations } from '#controllers/shared/expectations.ts';
import { controllerReference } from '#controllers/shared/owners.ts';
import { podFromTemplate } from '#controllers/shared/pods.ts';
import { slowStart } from '#controllers/shared/slow-start.ts';
import { isNamespaceTerminating, isNotFound } from '#kube/errors.ts';
import { type EventRecorder, referenceTo } from '#kube/events.ts';
import { PODS, type Resource } from '#kube/resources.ts';
import type { PodPlan } from './plan-pods.ts';

export interface ApplyPodsOptions {
  context: ControllerContext;
  owner: KubeObject;
  ownerKind: Resource;
  template: PodTemplateSpec;
  key: string;
  expectations: Expectations;
  recorder: EventRecorder;
}

export type PodFailure = { reason: 'FailedCreate' | 'FailedDelete'; message: string };

/** Carries out the plan; resolves with what went wrong, if anything. */
export async function applyPods(plan: PodPlan, options: ApplyPodsOptions): Promise<PodFailure | undefined> {
  if (plan.create > 0) return createPods(plan.create, options);
  return plan.remove.length > 0 ? deletePods(plan.remove, options) : undefined;
}

async function createPods(count: number, options: ApplyPodsOptions): Promise<PodFailure | undefined> {
  const { context, owner, ownerKind, template, key, expectations, recorder } = options;
  const { namespace = '', name = '' } = owner.metadata ?? {};
  const about = referenceTo(ownerKind, owner);
  const generateName = `${name.slice(0, 57)}-`;
  const pod = podFromTemplate(template, namespace, controllerReference(ownerKind, owner), { generateName });
  expectations.expectCreations(key, count);
  const { succeeded, error } = await slowStart(count, async () => {
    const created = await context.client.create(PODS, pod, { signal: context.signal });
    recorder.record(about, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata?.name}`);
  });
  expectations.creationObserved(key, count - succeeded);
  if (error === undefined || isNamespaceTerminating(error)) return undefined;
  const { message } = error as Error;
  recorder.record(about, 'Warning', 'FailedCreate', `Error creating: ${message}`);
  return { reason: 'FailedCreate', message };
}

async function deletePods(pods: readonly Pod[], options: ApplyPodsOptions): Promise<PodFailure | undefined> {
  const { context, owner, ownerKind, key, expectations, recorder } = options;
  const about = referenceTo(ownerKind, owner);
  expectations.expectDeletions(
    key,
    pods.map((pod) => pod.metadata?.uid ?? ''),
  );
  const remove = async (pod: Pod) => {
    const { namespace, name = '', uid = '' } = pod.metadata ?? {};
    try {
      await context.client.delete(
        PODS,
        { namespace, name },
        { preconditions: { uid }, signal: context.signal },
      );
    } catch (error) {
      // Whatever went wrong, no event of ours will come of it.
      expectations.deletionObserved(key, uid);
      if (isNotFound(error)) return;
      throw error;
    }
    recorder.record(about, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  };
  const results = await Promise.allSettled(pods.map(remove));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return undefined;
  const { message } = failed.reason as Error;
  recorder.record(about, 'Warning', 'FailedDelete', `Error deleting: ${message}`);
  return { reason: 'FailedDelete', message };
}
