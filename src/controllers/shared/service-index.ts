/** Which Services select a pod, without asking every Service. */
import type { Pod, Service } from '#api/core/v1.gen.ts';
import type { Informer } from '#kube/informer.ts';
import { labelBuckets } from './pods.ts';

/** Whether the Service picks pods by labels, for the controllers to follow. */
export function hasSelector(service: Service): boolean {
  const { type, selector } = service.spec ?? {};
  return type !== 'ExternalName' && selector !== undefined && Object.keys(selector).length > 0;
}

/** Declares the look-up: each Service under one of its selector's pairs. */
export function indexServices(services: Informer<Service>): void {
  services.addIndex('selector', (service) => {
    if (!hasSelector(service)) return [];
    return labelBuckets(service.metadata?.namespace ?? '', service.spec?.selector).slice(0, 1);
  });
}

export function servicesOf(services: Informer<Service>, pod: Pod): Service[] {
  const labels = pod.metadata?.labels;
  return labelBuckets(pod.metadata?.namespace ?? '', labels)
    .flatMap((bucket) => services.store.byIndex('selector', bucket))
    .filter((service) => selects(service, labels));
}

/** The pods that the Service selects. */
export function podsOf(pods: Informer<Pod>, service: Service): Pod[] {
  const buckets = labelBuckets(service.metadata?.namespace ?? '', service.spec?.selector);
  const [first] = buckets;
  if (first === undefined) return [];
  return pods.store.byIndex('label', first).filter((pod) => selects(service, pod.metadata?.labels));
}

function selects(service: Service, labels: Record<string, string> | undefined): boolean {
  return Object.entries(service.spec?.selector ?? {}).every(([key, value]) => labels?.[key] === value);
}
