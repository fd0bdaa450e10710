import { type Served, servedResource } from '#apiserver/engine/resources.ts';
import type { Target } from './request-info.ts';

/**
 * The resource that a path is about; undefined when there is none. What belongs to the whole cluster is not found
 * below a namespace: the request was authorized there, and rights in one namespace must not open it. Only the path
 * of a namespace itself names it twice.
 */
export function resourceAt({ group, version, resource, namespace, name }: Target): Served | undefined {
  const served = servedResource(group, version, resource);
  if (served === undefined || served.kind.namespaced || namespace === '') return served;
  return served.kind.resource === 'namespaces' && namespace === name ? served : undefined;
}
