import type { Pod } from '#api/core/v1.gen.ts';
import { forbidden } from '#api/machinery/status-error.ts';
import type { PriorityClass } from '#api/scheduling/v1.gen.ts';
import type { ObjectReader } from '#apiserver/reader.ts';
import { type AdmissionPlugin, writtenPod } from './operation.ts';

const PODS = { group: '', plural: 'pods' };

/** Writes into a pod what its PriorityClass, or the default one, says. */
export function podPriority(objects: ObjectReader): AdmissionPlugin {
  return (operation) => {
    const written = writtenPod(operation);
    if (written?.pod.spec === undefined) return;
    const { pod, old } = written;
    if (old !== undefined) {
      keep(pod, old);
      return;
    }
    if (pod.spec === undefined) return;
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

/** What admission wrote at creation need not be repeated by an update. */
function keep({ spec }: Pod, { spec: before }: Pod): void {
  if (spec === undefined || before === undefined) return;
  spec.priority ??= before.priority;
  spec.preemptionPolicy ??= before.preemptionPolicy;
}

function globalDefault(objects: ObjectReader): PriorityClass | undefined {
  const candidates = objects
    .list<PriorityClass>('priorityclasses.scheduling.k8s.io')
    .filter((item) => item.globalDefault);
  return candidates.sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
}
