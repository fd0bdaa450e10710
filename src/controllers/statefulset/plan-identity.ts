/** The names and labels by which a StatefulSet's pods keep who they are. Pure. */
import type { ControllerRevision, StatefulSet } from '#api/apps/v1.gen.ts';
import type { Pod } from '#api/core/v1.gen.ts';
import { controllerReference } from '#controllers/shared/owners.ts';
import { podFromTemplate } from '#controllers/shared/pods.ts';
import { templateOf } from './plan-revisions.ts';

const STATEFUL_SET_KIND = { group: 'apps', version: 'v1', kind: 'StatefulSet' };
const REVISION_LABEL = 'controller-revision-hash';
const NAME_LABEL = 'statefulset.kubernetes.io/pod-name';
const INDEX_LABEL = 'apps.kubernetes.io/pod-index';

/** The number at the end of the pod's name; undefined when it is none of this set's names. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const prefix = `${set.metadata?.name}-`;
  const name = pod.metadata?.name ?? '';
  const digits = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^\d+$/.test(digits) ? Number(digits) : undefined;
}

export function revisionOf(pod: Pod): string | undefined {
  return pod.metadata?.labels?.[REVISION_LABEL];
}

export function newPod(set: StatefulSet, revision: ControllerRevision, ordinal: number): Pod {
  const name = `${set.metadata?.name}-${ordinal}`;
  const template = templateOf(revision);
  const owner = controllerReference(STATEFUL_SET_KIND, set);
  const pod = podFromTemplate(template, set.metadata?.namespace ?? '', owner, { name });
  const { serviceName } = set.spec;
  return {
    metadata: {
      ...pod.metadata,
      labels: { ...pod.metadata?.labels, ...identityLabels(name, ordinal, revision) },
    },
    spec: {
      ...pod.spec,
      containers: pod.spec?.containers ?? [],
      hostname: name,
      ...(serviceName ? { subdomain: serviceName } : {}),
    },
  };
}

function identityLabels(name: string, ordinal: number, revision: ControllerRevision): Record<string, string> {
  return {
    [NAME_LABEL]: name,
    [INDEX_LABEL]: String(ordinal),
    [REVISION_LABEL]: revision.metadata?.name ?? '',
  };
}
