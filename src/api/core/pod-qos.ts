import type { Pod, ResourceRequirements } from '#api/core/v1.gen.ts';
import { compareQuantities } from '#api/machinery/quantity.ts';

const COUNTED = ['cpu', 'memory'];

/** How a pod would fare when its node runs out of memory: `Guaranteed`, `Burstable` or `BestEffort`. */
export function qosClassOf(pod: Pod): string {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const all = pod.spec?.resources ? [pod.spec.resources] : containers.map(({ resources }) => resources);
  if (all.every((resources) => !asksForAny(resources))) return 'BestEffort';
  return all.every(isGuaranteed) ? 'Guaranteed' : 'Burstable';
}

function isSet(quantity: string | undefined): quantity is string {
  return quantity !== undefined && compareQuantities(quantity, '0') > 0;
}

function asksForAny(resources: ResourceRequirements | undefined): boolean {
  return COUNTED.some((name) => isSet(resources?.requests?.[name]) || isSet(resources?.limits?.[name]));
}

function isGuaranteed(resources: ResourceRequirements | undefined): boolean {
  return COUNTED.every((name) => {
    const limit = resources?.limits?.[name];
    const request = resources?.requests?.[name] ?? limit;
    return isSet(limit) && request !== undefined && compareQuantities(limit, request) === 0;
  });
}
