/** What one RBAC rule, one subject, one aggregated role means. Semantics: rbac.authorization.k8s.io/v1. */
import { selects } from '#api/machinery/label-selector.ts';
import type { ClusterRole, PolicyRule, Subject } from '#api/rbac/v1.gen.ts';
import type { NonResourceAttributes, RequestAttributes, ResourceAttributes, User } from './types.ts';

export const RBAC_GROUP = 'rbac.authorization.k8s.io';

const SERVICE_ACCOUNT_PREFIX = 'system:serviceaccount:';

export function ruleAllows(rule: PolicyRule, attributes: RequestAttributes): boolean {
  return attributes.kind === 'resource' ? allowsResource(rule, attributes) : allowsPath(rule, attributes);
}

function allowsResource(rule: PolicyRule, request: ResourceAttributes): boolean {
  const names = rule.resourceNames ?? [];
  return (
    includesOrStar(rule.verbs, request.verb) &&
    includesOrStar(rule.apiGroups, request.group) &&
    coversResource(rule.resources, request.resource, request.subresource) &&
    (names.length === 0 || names.includes(request.name))
  );
}

/** A subresource is named in full (`pods/log`) or for all resources at once; `pods` alone does not cover it. */
function coversResource(resources: readonly string[] = [], resource: string, subresource: string): boolean {
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  return (
    resources.includes('*') ||
    resources.includes(full) ||
    (subresource !== '' && resources.includes(`*/${subresource}`))
  );
}

function allowsPath(rule: PolicyRule, { verb, path }: NonResourceAttributes): boolean {
  return (
    includesOrStar(rule.verbs, verb) &&
    (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, path))
  );
}

/** A star is a wildcard only at the end. */
function pathMatches(pattern: string, path: string): boolean {
  return pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));
}

function includesOrStar(values: readonly string[] = [], value: string): boolean {
  return values.includes('*') || values.includes(value);
}

/**
 * Bindings are indexed by these keys: a request looks up those of its user and groups only, however many
 * bindings there are. A service account is the user of its name.
 */
export function subjectKey(subject: Subject, bindingNamespace: string): string {
  switch (subject.kind) {
    case 'Group':
      return `Group ${subject.name}`;
    case 'ServiceAccount':
      return `User ${serviceAccountUser(subject.namespace ?? bindingNamespace, subject.name)}`;
    default:
      return `${subject.kind} ${subject.name}`;
  }
}

export function userKeys(user: User): string[] {
  return [`User ${user.username}`, ...user.groups.map((group) => `Group ${group}`)];
}

export function serviceAccountUser(namespace: string, name: string): string {
  return `${SERVICE_ACCOUNT_PREFIX}${namespace}:${name}`;
}

/** Undefined if the user is no service account. */
export function serviceAccountOf(username: string): { namespace: string; name: string } | undefined {
  if (!username.startsWith(SERVICE_ACCOUNT_PREFIX)) {
    return undefined;
  }
  const [namespace, name, ...rest] = username.slice(SERVICE_ACCOUNT_PREFIX.length).split(':');
  return namespace && name && rest.length === 0 ? { namespace, name } : undefined;
}

export function serviceAccountGroups(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

/** The rules of a cluster role: its own, or, with an aggregation rule, those of all roles it selects. */
export function effectiveRules(role: ClusterRole, all: readonly ClusterRole[]): readonly PolicyRule[] {
  const selectors = role.aggregationRule?.clusterRoleSelectors;
  if (!selectors) {
    return role.rules ?? [];
  }
  const seen = new Set<ClusterRole>([role]);
  const pending = [role];
  const rules: PolicyRule[] = [];
  // A selected role may aggregate others itself (edit is part of admin), and nothing forbids a circle.
  for (let current = pending.pop(); current; current = pending.pop()) {
    const selecting = current.aggregationRule?.clusterRoleSelectors;
    if (!selecting) {
      rules.push(...(current.rules ?? []));
      continue;
    }
    for (const candidate of all) {
      const labels = candidate.metadata?.labels ?? {};
      if (!seen.has(candidate) && selecting.some((selector) => selects(selector, labels))) {
        seen.add(candidate);
        pending.push(candidate);
      }
    }
  }
  return rules;
}
