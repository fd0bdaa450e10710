import type { Binding, Pod } from '#api/core/v1.gen.ts';
import { required } from '#api/machinery/field-error.ts';
import { metaOf } from '#api/machinery/object.ts';
import { badRequest, conflict, invalid, notFound } from '#api/machinery/status-error.ts';
import { formatTime } from '#api/machinery/time.ts';
import { updateObject } from '#apiserver/engine/update.ts';
import { decodeBody } from '#apiserver/rest/body.ts';
import { idOf, type RestContext, scopeOf } from '#apiserver/rest/context.ts';
import { writeOptions } from '#apiserver/rest/options.ts';
import { type Answer, jsonAnswer } from '#apiserver/rest/respond.ts';

const BINDING = { group: '', apiVersion: 'v1', kind: 'Binding', type: 'core/v1.Binding' };
const PODS = { group: '', plural: 'pods' };

/** POST of pods/NAME/binding: the scheduler gives a pod its node, once. */
export async function bind(context: RestContext): Promise<Answer> {
  const { object: binding, warnings } = await decodeBody<Binding>(context.request, BINDING, 'Warn');
  const { dryRun } = writeOptions(context.info.query, 'CreateOptions');
  context.warnings.push(...warnings);
  const { name } = context.target;
  if (binding.metadata?.name !== name) throw badRequest('name in URL does not match name in Binding object');
  const nodeName = binding.target?.name ?? '';
  if (nodeName === '') throw invalid(BINDING, name, [required('target.name')]);
  await updateObject(
    context.engine,
    {
      id: idOf(context),
      subresource: 'binding',
      raw: true,
      change: (current) => bound(current, name, nodeName, binding, context.engine.now()),
    },
    scopeOf(context, dryRun),
  );
  return jsonAnswer(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}

function bound(pod: Pod | undefined, name: string, nodeName: string, binding: Binding, nowMs: number): Pod {
  if (pod?.spec === undefined) throw notFound(PODS, name);
  const refuse = (why: string): Error => conflict({ group: '', plural: 'pods/binding' }, name, why);
  if (binding.metadata?.uid && binding.metadata.uid !== pod.metadata?.uid) {
    throw refuse(
      `Precondition failed: UID in precondition: ${binding.metadata.uid}, UID in object meta: ${pod.metadata?.uid ?? ''}`,
    );
  }
  if (pod.metadata?.deletionTimestamp !== undefined)
    throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (pod.spec.nodeName)
    throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
  if (pod.spec.schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  pod.spec.nodeName = nodeName;
  const meta = metaOf(pod);
  if (binding.metadata?.annotations)
    meta.annotations = { ...meta.annotations, ...binding.metadata.annotations };
  const others = (pod.status?.conditions ?? []).filter((condition) => condition.type !== 'PodScheduled');
  const scheduled = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null as unknown as undefined,
    lastTransitionTime: formatTime(nowMs),
  };
  pod.status = { ...pod.status, conditions: [...others, scheduled] };
  return pod;
}
