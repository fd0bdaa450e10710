/** The history of a StatefulSet's template, as ControllerRevisions. Pure. */
import type { ControllerRevision, StatefulSet } from '#api/apps/v1.gen.ts';
import type { PodTemplateSpec } from '#api/core/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { controllerReference } from '#controllers/shared/owners.ts';
import { safeHash } from '#controllers/shared/template-hash.ts';

const STATEFUL_SET_KIND = { group: 'apps', version: 'v1', kind: 'StatefulSet' };
const HASH_LABEL = 'controller.kubernetes.io/hash';

export interface RevisionPlan {
  /** The revision of the template as it is now. */
  update: ControllerRevision;
  /** The revision that pods not yet updated belong to. */
  current: ControllerRevision;
  /** `update` is to be created, or to be written with a higher number. */
  write: 'create' | 'renumber' | undefined;
  /** Old ones beyond the history limit, that no pod belongs to. */
  remove: ControllerRevision[];
}

const numberOf = ({ revision }: ControllerRevision): number => revision ?? 0;

export function planRevisions(
  set: StatefulSet,
  revisions: readonly ControllerRevision[],
  inUse: ReadonlySet<string>,
): RevisionPlan {
  const byNumber = revisions.toSorted((a, b) => numberOf(a) - numberOf(b));
  const data = dataOf(set.spec.template);
  const next = Math.max(0, ...byNumber.map(numberOf)) + 1;
  const same = byNumber.filter((revision) => equalJson(revision.data, data)).at(-1);
  const latest = byNumber.at(-1);
  const update =
    same === undefined ? newRevision(set, next) : same === latest ? same : { ...same, revision: next };
  const write = same === undefined ? 'create' : same === latest ? undefined : 'renumber';
  const current = byNumber.find(({ metadata }) => metadata?.name === set.status?.currentRevision) ?? update;
  const live = new Set([update.metadata?.name, current.metadata?.name, ...inUse]);
  const old = byNumber.filter(({ metadata }) => !live.has(metadata?.name));
  const excess = Math.max(0, old.length - (set.spec.revisionHistoryLimit ?? 10));
  return { update, current, write, remove: old.slice(0, excess) };
}

/** A strategic merge patch that puts the template in place: what `kubectl rollout undo` applies. */
function dataOf(template: PodTemplateSpec): unknown {
  return { spec: { template: { ...template, $patch: 'replace' } } };
}

export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const { spec } = revision.data as { spec: { template: PodTemplateSpec & { $patch?: string } } };
  const { $patch: _replace, ...template } = spec.template;
  return template;
}

function newRevision(set: StatefulSet, revision: number): ControllerRevision {
  const data = dataOf(set.spec.template);
  const hash = safeHash(data, set.status?.collisionCount);
  const { namespace, name = '' } = set.metadata ?? {};
  return {
    metadata: {
      namespace,
      name: `${name.slice(0, 223)}-${hash}`,
      labels: { ...set.spec.template.metadata?.labels, [HASH_LABEL]: hash },
      ownerReferences: [controllerReference(STATEFUL_SET_KIND, set)],
    },
    data,
    revision,
  };
}
