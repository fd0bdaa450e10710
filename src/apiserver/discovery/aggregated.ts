import type {
  APIGroupDiscovery,
  APIGroupDiscoveryList,
  APIResourceDiscovery,
} from '#api/apidiscovery/v2.gen.ts';
import { allKinds, type KindInfo } from '#api/machinery/kinds.ts';
import { groupNames, versionsOf } from './legacy.ts';

/** GET /api or /apis with `as=APIGroupDiscoveryList`: everything in one answer. */
export function groupDiscoveryList(core: boolean, version: 'v2' | 'v2beta1'): APIGroupDiscoveryList {
  const groups = core ? [''] : groupNames();
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(groupDiscovery),
  };
}

function groupDiscovery(group: string): APIGroupDiscovery {
  return {
    metadata: group === '' ? {} : { name: group },
    versions: versionsOf(group).map((version) => ({
      version,
      resources: allKinds()
        .filter((kind) => kind.group === group && kind.version === version)
        .map(resource),
      freshness: 'Current',
    })),
  };
}

function resource(kind: KindInfo): APIResourceDiscovery {
  const subresources = Object.entries(kind.subresources).map(([name, fact]) => ({
    subresource: name,
    responseKind: responseKind(fact.group ?? kind.group, fact.version ?? kind.version, fact.kind),
    verbs: [...fact.verbs],
  }));
  return {
    resource: kind.plural,
    responseKind: responseKind(kind.group, kind.version, kind.kind),
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: [...kind.verbs],
    ...(kind.shortNames.length > 0 && { shortNames: [...kind.shortNames] }),
    ...(kind.categories.length > 0 && { categories: [...kind.categories] }),
    ...(subresources.length > 0 && { subresources }),
  };
}

/** Kinds of the core group are told without a version: that of the list they stand in is meant. */
function responseKind(
  group: string,
  version: string,
  kind: string,
): { group: string; version: string; kind: string } {
  return { group, version: group === '' ? '' : version, kind };
}
