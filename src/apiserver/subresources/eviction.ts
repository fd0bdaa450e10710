import type { Pod } from '#api/core/v1.gen.ts';
import { selects } from '#api/machinery/label-selector.ts';
import { notFound, tooManyRequests } from '#api/machinery/status-error.ts';
import type { Eviction, PodDisruptionBudget } from '#api/policy/v1.gen.ts';
import { deleteObject } from '#apiserver/engine/delete.ts';
import { decodeBody } from '#apiserver/rest/body.ts';
import { idOf, type RestContext, scopeOf } from '#apiserver/rest/context.ts';
import { writeOptions } from '#apiserver/rest/options.ts';
import { type Answer, jsonAnswer } from '#apiserver/rest/respond.ts';

const EVICTION = { group: 'policy', apiVersion: 'policy/v1', kind: 'Eviction', type: 'policy/v1.Eviction' };
const PODS = { group: '', plural: 'pods' };

/** POST of pods/NAME/eviction: a delete that a PodDisruptionBudget may refuse. */
export async function evict(context: RestContext): Promise<Answer> {
  const { object: eviction, warnings } = await decodeBody<Eviction>(context.request, EVICTION, 'Warn');
  const { dryRun } = writeOptions(context.info.query, 'CreateOptions');
  context.warnings.push(...warnings);
  const { namespace, name } = context.target;
  const pod = context.engine.cache.get<Pod>('pods', namespace, name);
  if (pod === undefined) throw notFound(PODS, name);
  if (needsBudget(pod)) checkBudgets(context, pod);
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
    scopeOf(context, dryRun || (eviction.deleteOptions?.dryRun ?? []).includes('All')),
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

function checkBudgets({ engine, target }: RestContext, pod: Pod): void {
  const budgets = engine.cache
    .list<PodDisruptionBudget>('poddisruptionbudgets.policy', target.namespace)
    .filter((budget) => selects(budget.spec?.selector, pod.metadata?.labels));
  const refusing = budgets.find((budget) => (budget.status?.disruptionsAllowed ?? 0) <= 0);
  if (refusing === undefined) return;
  const name = refusing.metadata?.name ?? '';
  const message = `The disruption budget ${name} does not allow evicting pods currently because no disruptions are allowed`;
  throw tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 10, [
    { reason: 'DisruptionBudget', message },
  ]);
}
