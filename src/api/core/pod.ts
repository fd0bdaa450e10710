// What is special about pods. Binding, eviction and the ephemeralcontainers subresource are the API server's.
import type { Pod } from '#api/core/v1.gen.ts';
import { type FieldError, forbidden } from '#api/machinery/field-error.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { allContainers, defaultPod } from './pod-defaults.ts';
import { qosClassOf } from './pod-qos.ts';
import { validatePodSpec } from './pod-validate.ts';
import { validatePodUpdate } from './pod-validate-update.ts';
import { podTemplateWarnings } from './pod-warnings.ts';

export const podStrategy: StrategyParts<Pod> = {
  generation: 'spec',
  defaults: defaultPod,
  prepareForCreate: (pod) => {
    const { spec } = pod;
    if (spec && (spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
    pod.status = { phase: 'Pending', qosClass: qosClassOf(pod) };
  },
  prepareForStatusUpdate: (pod, old) => {
    if (pod.metadata && old.metadata) pod.metadata.ownerReferences = old.metadata.ownerReferences;
    if (pod.metadata?.ownerReferences === undefined) delete pod.metadata?.ownerReferences;
    // What a pod once was classified as it stays.
    if (pod.status && old.status?.qosClass) pod.status.qosClass = old.status.qosClass;
  },
  validate: validatePod,
  validateUpdate: validatePodUpdate,
  warnings: (pod, old) => (old === undefined ? podTemplateWarnings(pod, 'spec') : []),
  selectableFields: ({ spec, status }) => ({
    'spec.nodeName': spec?.nodeName ?? '',
    // An old name of the same.
    'spec.host': spec?.nodeName ?? '',
    'spec.restartPolicy': spec?.restartPolicy ?? '',
    'spec.schedulerName': spec?.schedulerName ?? '',
    'spec.serviceAccountName': spec?.serviceAccountName ?? '',
    'spec.hostNetwork': String(spec?.hostNetwork === true),
    'status.phase': status?.phase ?? '',
    'status.podIP': status?.podIP ?? status?.podIPs?.[0]?.ip ?? '',
    'status.podIPs': status?.podIPs?.[0]?.ip ?? '',
    'status.nominatedNodeName': status?.nominatedNodeName ?? '',
  }),
};

function validatePod(pod: Pod): FieldError[] {
  const spec = pod.spec ?? { containers: [] };
  const errors = validatePodSpec(spec, 'spec', true);
  if ((spec.ephemeralContainers ?? []).length > 0) {
    errors.push(forbidden('spec.ephemeralContainers', 'cannot be set on create'));
  }
  return errors;
}

/** The names of all containers, in the order ordinary, init, ephemeral. */
export function containerNames(pod: Pod): string[] {
  return allContainers(pod.spec ?? { containers: [] }).map(({ name }) => name);
}
