/** Which kinds the server has. */
import type { APIGroupDiscoveryList } from '#api/apidiscovery/v2.gen.ts';
import type { Resource } from '#kube/resources.ts';
import type { ControllerContext } from './context.ts';

export interface DiscoveredResource extends Resource {
  verbs: readonly string[];
}

/** Every kind at the version that its group prefers. */
export async function discover({ client, signal }: ControllerContext): Promise<DiscoveredResource[]> {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const lists = await Promise.all(
    ['/api', '/apis'].map((path) => client.request<APIGroupDiscoveryList>('GET', path, { accept, signal })),
  );
  const found = new Map<string, DiscoveredResource>();
  for (const group of lists.flatMap((list) => list.items ?? [])) {
    for (const version of group.versions ?? []) {
      for (const { resource, responseKind, scope, verbs } of version.resources ?? []) {
        const name = `${group.metadata?.name ?? ''}/${resource}`;
        // Versions come in the order of preference.
        if (resource === undefined || found.has(name)) continue;
        found.set(name, {
          group: group.metadata?.name ?? '',
          version: version.version ?? '',
          kind: responseKind?.kind ?? '',
          plural: resource,
          namespaced: scope === 'Namespaced',
          verbs: verbs ?? [],
        });
      }
    }
  }
  return [...found.values()];
}
