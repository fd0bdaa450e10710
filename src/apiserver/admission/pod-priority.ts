import type { Pod } from '#api/core/v1.gen.ts';
import { forbidden } from '#api/machinery/status-error.ts';
import type { PriorityClass } from '#api/scheduling/v1.gen.ts';
import type { ObjectReader } from '#apiserver/reader.ts';
import { type AdmissionPlugin, createdPod } from './admission.ts';

const PODS = { group: '', plural: 'pods' };

/** Writes into a pod what its PriorityClass, or the default one, says. */
export function podPriority(objects: ObjectReader): AdmissionPlugin {
  return (operation) => {
    const pod = createdPod<Pod>(operation);
    if (pod?.spec === undefined) return;
    const { priorityClassName, priority: asked } = pod.spec;
    const found = priorityClassName
      ? objects.get<PriorityClass>('priorityclasses.scheduling.k8s.io', undefined, priorityClassName)
      : globalDefault(objects);
    if (priorityClassName && found === undefined) {
      throw forbidden(PODS, operation.name, `no PriorityClass with name ${priorityClassName} was found`);
    }
    const priority = found?.value ?? 0;
    if (asked !== undefined && asked !== priority) {
      const why = `the integer value of priority (${asked}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`;
      throw forbidden(PODS, operation.name, why);
    }
    pod.spec.priority = priority;
    if (found?.metadata?.name) pod.spec.priorityClassName = found.metadata.name;
    pod.spec.preemptionPolicy ??= found?.preemptionPolicy ?? 'PreemptLowerPriority';
  };
}

function globalDefault(objects: ObjectReader): PriorityClass | undefined {
  const candidates = objects
    .list<PriorityClass>('priorityclasses.scheduling.k8s.io')
    .filter((item) => item.globalDefault);
  return candidates.sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
}
