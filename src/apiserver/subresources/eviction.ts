import type { Pod } from '#api/core/v1.gen.ts';
import { selects } from '#api/machinery/label-selector.ts';
import { internalError, notFound, tooManyRequests } from '#api/machinery/status-error.ts';
import { formatTime } from '#api/machinery/time.ts';
import type { Eviction, PodDisruptionBudget } from '#api/policy/v1.gen.ts';
import { deleteObject } from '#apiserver/engine/delete.ts';
import { servedResource } from '#apiserver/engine/resources.ts';
import { updateObject } from '#apiserver/engine/update.ts';
import { decodeBody } from '#apiserver/rest/body.ts';
import { idOf, type RestContext, scopeOf } from '#apiserver/rest/context.ts';
import { writeOptions } from '#apiserver/rest/options.ts';
import { type Answer, jsonAnswer } from '#apiserver/rest/respond.ts';

const EVICTION = { group: 'policy', apiVersion: 'policy/v1', kind: 'Eviction', type: 'policy/v1.Eviction' };
const PODS = { group: '', plural: 'pods' };

/** POST of pods/NAME/eviction: a delete that a PodDisruptionBudget may refuse. */
export async function evict(context: RestContext): Promise<Answer> {
  const { object: eviction, warnings } = await decodeBody<Eviction>(context.request, EVICTION, 'Warn');
  const options = writeOptions(context.info.query, 'CreateOptions');
  const dryRun = options.dryRun || (eviction.deleteOptions?.dryRun ?? []).includes('All');
  context.warnings.push(...warnings);
  const { namespace, name } = context.target;
  const pod = context.engine.cache.get<Pod>('pods', namespace, name);
  if (pod === undefined) throw notFound(PODS, name);
  if (needsBudget(pod)) await spendBudget(context, pod, dryRun);
  const { gracePeriodSeconds, propagationPolicy, preconditions } = eviction.deleteOptions ?? {};
  await deleteObject(
    context.engine,
    idOf(context),
    {
      gracePeriodSeconds,
      propagation: propagationPolicy as 'Background' | undefined,
      uid: preconditions?.uid,
      resourceVersion: preconditions?.resourceVersion,
    },
    scopeOf(context, dryRun),
  );
  return jsonAnswer(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}

/** Pods that have ended, are ending or never ran cost no budget. */
function needsBudget({ metadata, status }: Pod): boolean {
  const phase = status?.phase;
  return (
    metadata?.deletionTimestamp === undefined &&
    phase !== 'Succeeded' &&
    phase !== 'Failed' &&
    phase !== 'Pending'
  );
}

/**
 * Takes one disruption off the pod's budget, in storage: of evictions at the same time no more get through than it
 * allows, whenever its controller counts again. Throws 429 when none is left.
 */
async function spendBudget(context: RestContext, pod: Pod, dryRun: boolean): Promise<void> {
  const { engine, target } = context;
  const [budget, another] = engine.cache
    .list<PodDisruptionBudget>('poddisruptionbudgets.policy', target.namespace)
    .filter(({ spec }) => selects(spec?.selector, pod.metadata?.labels));
  const served = servedResource('policy', 'v1', 'poddisruptionbudgets');
  if (budget === undefined || served === undefined) return;
  if (another !== undefined) {
    throw internalError(
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  const id = { served, namespace: target.namespace, name: budget.metadata?.name ?? '' };
  const change = (current: PodDisruptionBudget | undefined): PodDisruptionBudget =>
    afterDisruption(current ?? budget, target.name, engine.now());
  await updateObject(engine, { id, subresource: 'status', raw: true, change }, scopeOf(context, dryRun));
}

/** The budget when this pod is disrupted. Throws 429. */
function afterDisruption(budget: PodDisruptionBudget, podName: string, nowMs: number): PodDisruptionBudget {
  const { metadata, status } = budget;
  const name = metadata?.name ?? '';
  if ((status?.observedGeneration ?? 0) < (metadata?.generation ?? 0)) {
    throw refusal(`The disruption budget ${name} is still being processed by the server.`);
  }
  const allowed = status?.disruptionsAllowed ?? 0;
  if (allowed <= 0) {
    const why = 'does not allow evicting pods currently because no disruptions are allowed';
    throw refusal(`The disruption budget ${name} ${why}`);
  }
  const disruptedPods = { ...status?.disruptedPods, [podName]: formatTime(nowMs) };
  return { ...budget, status: { ...status, disruptedPods, disruptionsAllowed: allowed - 1 } };
}

function refusal(message: string): Error {
  return tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 10, [
    { reason: 'DisruptionBudget', message },
  ]);
}
