import type { Scale } from '#api/autoscaling/v1.gen.ts';
import { invalid as invalidField } from '#api/machinery/field-error.ts';
import { formatLabelSelector, formatRequirements, fromSet } from '#api/machinery/label-selector.ts';
import { type KubeObject, metaOf } from '#api/machinery/object.ts';
import { PATCH_TYPES, readPatch } from '#api/machinery/patch.ts';
import {
  conflict,
  invalid,
  notFound,
  notImplemented,
  STALE_OBJECT,
  unsupportedMediaType,
} from '#api/machinery/status-error.ts';
import type { LabelSelector } from '#api/meta/v1.gen.ts';
import { currentEntry, type Outcome, view } from '#apiserver/engine/engine.ts';
import { updateObject } from '#apiserver/engine/update.ts';
import { decodeBody, mediaTypeOf, readBody } from '#apiserver/rest/body.ts';
import { idOf, type RestContext, scopeOf } from '#apiserver/rest/context.ts';
import { writeOptions } from '#apiserver/rest/options.ts';
import { type Answer, jsonAnswer } from '#apiserver/rest/respond.ts';
import { checkName } from '#apiserver/rest/write.ts';

const SCALE = {
  group: 'autoscaling',
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  type: 'autoscaling/v1.Scale',
};

interface Scalable extends KubeObject {
  spec?:
    | { replicas?: number | undefined; selector?: LabelSelector | Record<string, string> | undefined }
    | undefined;
  status?: { replicas?: number | undefined } | undefined;
}

export async function getScale(context: RestContext): Promise<Answer> {
  const entry = currentEntry(context.engine, idOf(context));
  if (entry === undefined) throw notFound(context.served.kind, context.target.name);
  return jsonAnswer(200, scaleOf(view(context.served, entry)));
}

export async function putScale(context: RestContext): Promise<Answer> {
  const { object, warnings } = await decodeBody<Scale>(context.request, SCALE, 'Warn');
  const { dryRun } = writeOptions(context.info.query, 'UpdateOptions');
  context.warnings.push(...warnings);
  checkName(context, metaOf(object));
  return setReplicas(context, dryRun, () => object);
}

export async function patchScale(context: RestContext): Promise<Answer> {
  const mediaType = mediaTypeOf(context.request, '');
  if (mediaType.startsWith('application/apply-patch')) throw notImplemented('server-side apply');
  const type = PATCH_TYPES[mediaType];
  if (type === undefined) throw unsupportedMediaType(Object.keys(PATCH_TYPES));
  const text = (await readBody(context.request)).toString();
  const { dryRun, fieldValidation } = writeOptions(context.info.query, 'PatchOptions');
  const prepared = readPatch({ type, text, fieldValidation });
  return setReplicas(context, dryRun, (scale) => prepared.apply<Scale>(scale, SCALE).object);
}

/** Sets what the wanted scale says, checked against the version that it was made from. */
async function setReplicas(
  context: RestContext,
  dryRun: boolean,
  wanted: (scale: Scale) => Scale,
): Promise<Answer> {
  const { served, target } = context;
  const change = (current: KubeObject | undefined): KubeObject => {
    if (current === undefined) throw notFound(served.kind, target.name);
    const scale = wanted(scaleOf(current));
    checkScale(context, scale, current);
    const object = current as Scalable;
    object.spec = { ...object.spec, replicas: scale.spec?.replicas ?? 0 };
    return object;
  };
  const outcome: Outcome = await updateObject(
    context.engine,
    { id: idOf(context), subresource: 'scale', change },
    scopeOf(context, dryRun),
  );
  return jsonAnswer(200, scaleOf(view(served, outcome.entry)));
}

function checkScale({ served, target }: RestContext, scale: Scale, current: KubeObject): void {
  const { resourceVersion, uid } = metaOf(scale);
  if (resourceVersion && resourceVersion !== current.metadata?.resourceVersion)
    throw conflict(served.kind, target.name, STALE_OBJECT);
  if (uid && uid !== current.metadata?.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata?.uid ?? ''}`;
    throw conflict(served.kind, target.name, why);
  }
  const replicas = scale.spec?.replicas ?? 0;
  if (replicas < 0) {
    throw invalid(SCALE, target.name, [
      invalidField('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ]);
  }
}

/** How an object that can be scaled shows itself. */
function scaleOf(object: KubeObject): Scale {
  const { metadata, spec, status } = object as Scalable;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata ?? {};
  return {
    kind: SCALE.kind,
    apiVersion: SCALE.apiVersion,
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: spec?.replicas || undefined },
    status: { replicas: status?.replicas ?? 0, selector: selectorText(spec?.selector) },
  };
}

/** A ReplicationController's selector is a plain map, all others have a LabelSelector. */
function selectorText(selector: LabelSelector | Record<string, string> | undefined): string | undefined {
  if (selector === undefined || selector === null) return undefined;
  const plain = Object.values(selector).every((value) => typeof value === 'string');
  return plain
    ? formatRequirements(fromSet(selector as Record<string, string>))
    : formatLabelSelector(selector);
}
