/** The check that a writer of roles and bindings does not raise anybody above the writer. */
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '#api/machinery/object.ts';
import { forbidden } from '#api/machinery/status-error.ts';
import type { ClusterRole, PolicyRule, RoleBinding } from '#api/rbac/v1.gen.ts';
import { countRights, ruleText, uncoveredRules } from './plan-escalation.ts';
import { RBAC_GROUP } from './plan-rbac.ts';
import type { RuleResolver } from './rbac-authorizer.ts';
import type { Authorizer, ResourceAttributes } from './types.ts';

/** Throws a 403 StatusError. `attributes` is the create, update or patch; `old` is absent on create. */
export type EscalationCheck = (
  object: KubeObject,
  old: KubeObject | undefined,
  attributes: ResourceAttributes,
) => void;

export function escalationCheck(authorizer: Authorizer, rules: RuleResolver): EscalationCheck {
  const may = (attributes: ResourceAttributes, change: Partial<ResourceAttributes>) =>
    authorizer.authorize({ ...attributes, subresource: '', ...change }).allowed;

  return (object, old, attributes) => {
    const { group, resource, user } = attributes;
    if (group !== RBAC_GROUP || user.groups.includes('system:masters')) {
      return;
    }
    const name = object.metadata?.name ?? attributes.name;
    if (resource === 'roles' || resource === 'clusterroles') {
      const role = object as ClusterRole;
      const before: ClusterRole | undefined = old;
      const unchanged =
        before !== undefined &&
        isDeepStrictEqual(role.rules ?? [], before.rules ?? []) &&
        isDeepStrictEqual(role.aggregationRule, before.aggregationRule);
      if (!unchanged && !may(attributes, { verb: 'escalate', name })) {
        // An aggregation rule hands out whatever will be labelled to match.
        const wanted = role.aggregationRule ? [...(role.rules ?? []), ...EVERYTHING] : (role.rules ?? []);
        // A rule without verbs (null) gives nothing; validation refuses it later.
        requireRights(
          wanted.filter(({ verbs }) => Array.isArray(verbs)),
          attributes,
          name,
        );
      }
    } else if (resource === 'rolebindings' || resource === 'clusterrolebindings') {
      const binding = object as RoleBinding;
      const before = old as RoleBinding | undefined;
      const unchanged =
        before !== undefined &&
        isDeepStrictEqual(binding.subjects ?? [], before.subjects ?? []) &&
        isDeepStrictEqual(binding.roleRef, before.roleRef);
      const { roleRef } = binding;
      const roles = roleRef.kind === 'Role' ? 'roles' : 'clusterroles';
      if (!unchanged && !may(attributes, { verb: 'bind', resource: roles, name: roleRef.name })) {
        const wanted = rules.rulesOf(roleRef, attributes.namespace);
        if (!wanted) {
          throw forbidden({ group, plural: resource }, name, `${roles} "${roleRef.name}" not found`);
        }
        requireRights(wanted, attributes, name);
      }
    }
  };

  function requireRights(wanted: readonly PolicyRule[], attributes: ResourceAttributes, name: string): void {
    const { user, namespace, group, resource } = attributes;
    if (countRights(wanted) > MAX_RIGHTS) {
      const why = `its rules amount to more than ${MAX_RIGHTS} single rights, which cannot be compared with those of user ${JSON.stringify(user.username)}`;
      throw forbidden({ group, plural: resource }, name, why);
    }
    const owned = [...rules.grantsFor(user, namespace)].flatMap((grant) =>
      grant.kind === 'rule' ? [grant.rule] : [],
    );
    const missing = uncoveredRules(owned, wanted);
    if (missing.length > 0) {
      const who = `user ${JSON.stringify(user.username)} (groups=${JSON.stringify(user.groups)})`;
      const what = missing.map(ruleText).join('\n');
      throw forbidden(
        { group, plural: resource },
        name,
        `${who} is attempting to grant RBAC permissions not currently held:\n${what}`,
      );
    }
  }
}

/** Comparing takes time for each; roles of people and of upstream have some hundreds. */
const MAX_RIGHTS = 100_000;

const EVERYTHING: readonly PolicyRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];
