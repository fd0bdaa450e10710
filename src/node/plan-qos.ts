import type { Pod } from '#api/core/v1.gen.ts';
import { compareQuantities } from '#api/machinery/quantity.ts';

const COMPUTE = ['cpu', 'memory'];

/** Guaranteed: every container limits cpu and memory and requests the same; BestEffort: none asks for anything. */
export function qosClass(pod: Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const sets = containers.map(({ resources = {} }) => {
    const { limits = {}, requests = {} } = resources;
    return { limits, requests: { ...limits, ...requests } };
  });
  const isSet = (quantity: string | undefined): quantity is string =>
    quantity !== undefined && compareQuantities(quantity, '0') !== 0;
  const any = sets.some(({ limits, requests }) =>
    COMPUTE.some((name) => isSet(limits[name]) || isSet(requests[name])),
  );
  if (!any) return 'BestEffort';
  const guaranteed = sets.every(({ limits, requests }) =>
    COMPUTE.every((name) => {
      const [limit, request] = [limits[name], requests[name]];
      return isSet(limit) && isSet(request) && compareQuantities(limit, request) === 0;
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
