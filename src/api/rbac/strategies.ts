// Roles and bindings. Whether someone may grant what he writes is the API server's to judge.
import { type FieldError, invalid, notSupported, required } from '#api/machinery/field-error.ts';
import { validateLabelSelector } from '#api/machinery/label-selector.ts';
import { dns1123Subdomain, pathSegmentName } from '#api/machinery/names.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { PATH_NAME, validateImmutable } from '#api/machinery/validate-meta.ts';
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from '#api/rbac/v1.gen.ts';

const GROUP = 'rbac.authorization.k8s.io';
const SUBJECT_KINDS = ['Group', 'ServiceAccount', 'User'];
type Binding = RoleBinding | ClusterRoleBinding;

export const roleStrategy: StrategyParts<Role> = {
  allowCreateOnUpdate: true,
  checkName: PATH_NAME,
  validate: ({ rules }) => validateRules(rules ?? [], true),
};

export const clusterRoleStrategy: StrategyParts<ClusterRole> = {
  allowCreateOnUpdate: true,
  checkName: PATH_NAME,
  validate: ({ rules, aggregationRule }) => {
    const errors = validateRules(rules ?? [], false);
    if (!aggregationRule) return errors;
    const path = 'aggregationRule.clusterRoleSelectors';
    const selectors = aggregationRule.clusterRoleSelectors ?? [];
    if (selectors.length === 0) {
      errors.push(required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
    }
    selectors.forEach((selector, index) =>
      errors.push(...validateLabelSelector(selector, `${path}[${index}]`)),
    );
    return errors;
  },
};

export const roleBindingStrategy: StrategyParts<RoleBinding> = bindingStrategy(['ClusterRole', 'Role']);
export const clusterRoleBindingStrategy: StrategyParts<ClusterRoleBinding> = bindingStrategy(['ClusterRole']);

function bindingStrategy(roleKinds: readonly string[]): StrategyParts<Binding> {
  return {
    allowCreateOnUpdate: true,
    checkName: PATH_NAME,
    defaults: ({ roleRef, subjects }) => {
      roleRef.apiGroup ||= GROUP;
      for (const subject of subjects ?? []) {
        if (!subject.apiGroup && subject.kind !== 'ServiceAccount') subject.apiGroup = GROUP;
      }
    },
    validate: (binding) => validateBinding(binding, roleKinds),
    validateUpdate: (binding, old) => {
      const errors = validateImmutable(binding.roleRef, old.roleRef, 'roleRef').map(() =>
        invalid('roleRef', binding.roleRef, 'cannot change roleRef'),
      );
      return [...validateBinding(binding, roleKinds), ...errors];
    },
  };
}

function validateRules(rules: readonly PolicyRule[], namespaced: boolean): FieldError[] {
  return rules.flatMap((rule, index) => validateRule(rule, `rules[${index}]`, namespaced));
}

function validateRule(rule: PolicyRule, path: string, namespaced: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const urls = rule.nonResourceURLs ?? [];
  const names =
    (rule.resources ?? []).length + (rule.apiGroups ?? []).length + (rule.resourceNames ?? []).length;
  if ((rule.verbs ?? []).length === 0)
    errors.push(required(`${path}.verbs`, 'verbs must contain at least one value'));
  if (urls.length > 0) {
    const at = `${path}.nonResourceURLs`;
    if (namespaced) errors.push(invalid(at, urls, 'namespaced rules cannot apply to non-resource URLs'));
    if (names > 0)
      errors.push(invalid(at, urls, 'rules cannot apply to both regular resources and non-resource URLs'));
    return errors;
  }
  if ((rule.apiGroups ?? []).length === 0) {
    errors.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
  }
  if ((rule.resources ?? []).length === 0) {
    errors.push(required(`${path}.resources`, 'resource rules must supply at least one resource'));
  }
  return errors;
}

function validateBinding({ roleRef, subjects }: Binding, roleKinds: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (roleRef.apiGroup !== GROUP) errors.push(notSupported('roleRef.apiGroup', roleRef.apiGroup, [GROUP]));
  if (!roleKinds.includes(roleRef.kind)) errors.push(notSupported('roleRef.kind', roleRef.kind, roleKinds));
  if (roleRef.name === '') errors.push(required('roleRef.name'));
  else
    errors.push(...pathSegmentName(roleRef.name).map((text) => invalid('roleRef.name', roleRef.name, text)));
  const anyNamespace = roleKinds.length > 1;
  subjects?.forEach((subject, index) =>
    errors.push(...validateSubject(subject, `subjects[${index}]`, anyNamespace)),
  );
  return errors;
}

function validateSubject(subject: Subject, path: string, isInNamespace: boolean): FieldError[] {
  const { kind, name, namespace = '', apiGroup = '' } = subject;
  const errors = name === '' ? [required(`${path}.name`)] : [];
  if (!SUBJECT_KINDS.includes(kind)) return [...errors, notSupported(`${path}.kind`, kind, SUBJECT_KINDS)];
  const group = kind === 'ServiceAccount' ? '' : GROUP;
  if (apiGroup !== group) errors.push(notSupported(`${path}.apiGroup`, apiGroup, [group]));
  if (kind !== 'ServiceAccount') return errors;
  if (name !== '') errors.push(...dns1123Subdomain(name).map((text) => invalid(`${path}.name`, name, text)));
  if (!isInNamespace && namespace === '') errors.push(required(`${path}.namespace`));
  return errors;
}
