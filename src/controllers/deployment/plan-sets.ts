/** Which ReplicaSet of a Deployment is the new one, and what its annotations say. */
import type { Deployment, ReplicaSet } from '#api/apps/v1.gen.ts';
import type { PodTemplateSpec } from '#api/core/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { controllerReference } from '#controllers/shared/owners.ts';
import { safeHash } from '#controllers/shared/template-hash.ts';
import { maxSurgeOf } from './plan-limits.ts';

export const HASH_LABEL = 'pod-template-hash';
export const REVISION = 'deployment.kubernetes.io/revision';
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
const DESIRED = 'deployment.kubernetes.io/desired-replicas';
const MAX = 'deployment.kubernetes.io/max-replicas';
/** Annotations of the Deployment that its sets do not get. */
const NOT_COPIED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED,
  MAX,
  'deprecated.deployment.rollback.to',
]);
const DEPLOYMENTS_KIND = { group: 'apps', version: 'v1', kind: 'Deployment' };

export interface Sets {
  /** The set of the current template. */
  fresh: ReplicaSet | undefined;
  /** All others, the oldest first. */
  old: ReplicaSet[];
}

export function replicasOf(object: { spec?: { replicas?: number | undefined } | undefined }): number {
  return object.spec?.replicas ?? 1;
}

/** The oldest set with the Deployment's template is the new one, should there be several. */
export function sortSets(deployment: Deployment, sets: readonly ReplicaSet[]): Sets {
  const byAge = [...sets].sort(compareAge);
  const fresh = byAge.find((set) => sameTemplate(set.spec?.template, deployment.spec.template));
  return { fresh, old: byAge.filter((set) => set !== fresh) };
}

function compareAge(a: ReplicaSet, b: ReplicaSet): number {
  const left = `${a.metadata?.creationTimestamp} ${a.metadata?.name}`;
  const right = `${b.metadata?.creationTimestamp} ${b.metadata?.name}`;
  return left < right ? -1 : 1;
}

/** Equal but for the label that tells sets apart. */
function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec): boolean {
  return equalJson(withoutHash(a), withoutHash(b));
}

function withoutHash(template: PodTemplateSpec | undefined): unknown {
  const { [HASH_LABEL]: _hash, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, creationTimestamp: undefined, labels } };
}

export function revisionOf(object: Deployment | ReplicaSet | undefined): number {
  return Number(object?.metadata?.annotations?.[REVISION] ?? 0) || 0;
}

/** One more than any old set has had; the new set keeps its own when it is the highest already. */
export function nextRevision({ fresh, old }: Sets): number {
  return Math.max(revisionOf(fresh), Math.max(0, ...old.map(revisionOf)) + 1);
}

/** The set to create for the current template. */
export function newSet(deployment: Deployment, sets: Sets, replicas: number): ReplicaSet {
  const { namespace, name = '' } = deployment.metadata ?? {};
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = safeHash(withoutHash(template), deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  return {
    metadata: {
      name: `${name.slice(0, 252 - hash.length)}-${hash}`,
      namespace,
      labels,
      annotations: setAnnotations(deployment, {}, nextRevision({ ...sets, fresh: undefined })),
      ownerReferences: [controllerReference(DEPLOYMENTS_KIND, deployment)],
    },
    spec: {
      replicas,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

/** The annotations of the new set: the Deployment's own, its revision, and what it is scaled for. */
export function setAnnotations(
  deployment: Deployment,
  current: Record<string, string>,
  revision: number,
): Record<string, string> {
  const annotations = { ...current };
  for (const [key, value] of Object.entries(deployment.metadata?.annotations ?? {})) {
    if (!NOT_COPIED.has(key)) annotations[key] = value;
  }
  const before = current[REVISION];
  if (before !== undefined && Number(before) < revision) {
    const history = current[REVISION_HISTORY];
    annotations[REVISION_HISTORY] = history ? `${history},${before}` : before;
  }
  annotations[REVISION] = String(Math.max(revision, Number(before ?? 0)));
  return { ...annotations, ...scaleAnnotations(deployment) };
}

/** What the sets were scaled for; tells a change of `replicas` from a rollout. */
export function scaleAnnotations(deployment: Deployment): Record<string, string> {
  const desired = replicasOf(deployment);
  return { [DESIRED]: String(desired), [MAX]: String(desired + maxSurgeOf(deployment)) };
}

/** Whether some active set was scaled for another number of replicas than is asked for now. */
export function isScaling(deployment: Deployment, { fresh, old }: Sets): boolean {
  return [...old, ...(fresh ? [fresh] : [])].some((set) => {
    const desired = set.metadata?.annotations?.[DESIRED];
    return replicasOf(set) > 0 && desired !== undefined && Number(desired) !== replicasOf(deployment);
  });
}

/** For how many replicas at most the set was scaled; undefined when it never was. */
export function maxReplicasAnnotation(set: ReplicaSet): number | undefined {
  const max = set.metadata?.annotations?.[MAX];
  return max === undefined ? undefined : Number(max) || 0;
}
