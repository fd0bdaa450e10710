import type { Namespace } from '#api/core/v1.gen.ts';
import { metaOf } from '#api/machinery/object.ts';
import { conflict, invalid, notFound, STALE_OBJECT } from '#api/machinery/status-error.ts';
import { updateObject } from '#apiserver/engine/update.ts';
import { decodeBody } from '#apiserver/rest/body.ts';
import { idOf, type RestContext, scopeOf } from '#apiserver/rest/context.ts';
import { writeOptions } from '#apiserver/rest/options.ts';
import { answerOne, representation } from '#apiserver/rest/representation.ts';
import type { Answer } from '#apiserver/rest/respond.ts';
import { checkName } from '#apiserver/rest/write.ts';

/** PUT of namespaces/NAME/finalize: sets spec.finalizers; a namespace that is ending and has none left is gone. */
export async function finalize(context: RestContext): Promise<Answer> {
  const { served, target, info } = context;
  const how = representation(context.request.headers.accept, served, info.query);
  const { object: wanted, warnings } = await decodeBody<Namespace>(context.request, served.kind, 'Warn');
  const { dryRun } = writeOptions(info.query, 'UpdateOptions');
  context.warnings.push(...warnings);
  checkName(context, metaOf(wanted));
  const change = (current: Namespace | undefined): Namespace => {
    if (current === undefined) throw notFound(served.kind, target.name);
    const { resourceVersion } = metaOf(wanted);
    if (resourceVersion && resourceVersion !== current.metadata?.resourceVersion)
      throw conflict(served.kind, target.name, STALE_OBJECT);
    const finalizers = wanted.spec?.finalizers ?? [];
    const next = { ...current, spec: finalizers.length > 0 ? { ...current.spec, finalizers } : {} };
    const findings = served.strategy.validateUpdate(next, current);
    if (findings.length > 0) throw invalid(served.kind, target.name, findings);
    return next;
  };
  const { entry } = await updateObject(
    context.engine,
    {
      id: idOf(context),
      subresource: 'finalize',
      raw: true,
      change: (current) => change(current),
    },
    scopeOf(context, dryRun),
  );
  return answerOne(200, entry, how);
}
