/** A notation for the tables of bootstrap roles: words separated by spaces; the core group is written `core`. */
import type { PolicyRule } from '#api/rbac/v1.gen.ts';

export const READ = 'get list watch';
export const WRITE = 'create delete deletecollection patch update';

export interface NamedRules {
  name: string;
  namespace?: string | undefined;
  rules: readonly PolicyRule[];
  /** More than the bootstrapping label. */
  labels?: Readonly<Record<string, string>> | undefined;
  /** Has the rules of all cluster roles with this label, besides none of its own. */
  aggregates?: string | undefined;
}

export function allow(verbs: string, groups: string, resources: string, names?: string): PolicyRule {
  return {
    apiGroups: words(groups).map((group) => (group === 'core' ? '' : group)),
    resources: words(resources),
    verbs: words(verbs),
    ...(names !== undefined && { resourceNames: words(names) }),
  };
}

export function allowPaths(verbs: string, paths: string): PolicyRule {
  return { nonResourceURLs: words(paths), verbs: words(verbs) };
}

export function events(): PolicyRule {
  return allow('create patch update', 'core events.k8s.io', 'events');
}

function words(text: string): string[] {
  return text.split(' ');
}
