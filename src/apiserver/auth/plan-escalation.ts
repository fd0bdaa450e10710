/** Nobody gives away rights that they do not have: which of some rules are not covered by others. */
import type { PolicyRule } from '#api/rbac/v1.gen.ts';

/** The single rights (one verb, group, resource, name or path each) of `wanted` that no rule of `owned` covers. */
export function uncoveredRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(singleRights).filter((right) => !owned.some((rule) => covers(rule, right)));
}

/** How many single rights rules amount to: a short text can name billions. */
export function countRights(rules: readonly PolicyRule[]): number {
  return rules.reduce((sum, { verbs, nonResourceURLs = [], apiGroups, resources, resourceNames }) => {
    const objects = (apiGroups?.length ?? 0) * (resources?.length ?? 0) * (resourceNames?.length || 1);
    return sum + verbs.length * (nonResourceURLs.length + objects);
  }, 0);
}

function singleRights(rule: PolicyRule): PolicyRule[] {
  const names = rule.resourceNames?.length ? rule.resourceNames : [undefined];
  const rights: PolicyRule[] = [];
  for (const verb of rule.verbs) {
    for (const path of rule.nonResourceURLs ?? []) {
      rights.push({ verbs: [verb], nonResourceURLs: [path] });
    }
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        for (const name of names) {
          rights.push({
            verbs: [verb],
            apiGroups: [group],
            resources: [resource],
            ...(name !== undefined && { resourceNames: [name] }),
          });
        }
      }
    }
  }
  return rights;
}

/** Wildcards of the wanted right are covered by wildcards only. */
function covers(rule: PolicyRule, right: PolicyRule): boolean {
  if (!includesAll(rule.verbs, right.verbs)) {
    return false;
  }
  if (right.nonResourceURLs) {
    return right.nonResourceURLs.every((path) => coversPath(rule.nonResourceURLs, path));
  }
  const names = rule.resourceNames ?? [];
  return (
    includesAll(rule.apiGroups, right.apiGroups) &&
    (right.resources ?? []).every((resource) => coversResource(rule.resources, resource)) &&
    (names.length === 0 || (right.resourceNames?.every((name) => names.includes(name)) ?? false))
  );
}

function includesAll(owned: readonly string[] = [], wanted: readonly string[] = []): boolean {
  return owned.includes('*') || wanted.every((value) => owned.includes(value));
}

function coversResource(owned: readonly string[] = [], wanted: string): boolean {
  const slash = wanted.indexOf('/');
  return (
    owned.includes('*') || owned.includes(wanted) || (slash > 0 && owned.includes(`*${wanted.slice(slash)}`))
  );
}

function coversPath(owned: readonly string[] = [], wanted: string): boolean {
  return owned.some(
    (pattern) => pattern === wanted || (pattern.endsWith('*') && wanted.startsWith(pattern.slice(0, -1))),
  );
}

/** A right as upstream prints it in its refusal. */
export function ruleText(rule: PolicyRule): string {
  const parts = [
    part('APIGroups', rule.apiGroups),
    part('Resources', rule.resources),
    part('ResourceNames', rule.resourceNames),
    part('NonResourceURLs', rule.nonResourceURLs),
    part('Verbs', rule.verbs),
  ];
  return `{${parts.filter((text) => text !== '').join(', ')}}`;
}

function part(name: string, values: readonly string[] | undefined): string {
  return values?.length ? `${name}:[${values.map((value) => JSON.stringify(value)).join(' ')}]` : '';
}
