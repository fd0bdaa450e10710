/** Access reviews as data: from the object that was posted to the question for the authorizer. */
import type {
  NonResourceAttributes,
  ResourceAttributes,
  SubjectAccessReviewSpec,
} from '#api/authorization/v1.gen.ts';
import { type FieldError, invalid } from '#api/machinery/field-error.ts';
import type { PolicyRule } from '#api/rbac/v1.gen.ts';
import type { RequestAttributes, User } from './types.ts';

interface Question {
  resourceAttributes?: ResourceAttributes | undefined;
  nonResourceAttributes?: NonResourceAttributes | undefined;
}

/** Exactly one of the two kinds of attributes must be there. */
export function validateQuestion(spec: Question): FieldError[] {
  const { resourceAttributes, nonResourceAttributes } = spec;
  if (resourceAttributes && nonResourceAttributes) {
    return [
      invalid(
        'spec',
        spec,
        'nonResourceAttributes cannot be specified in combination with resourceAttributes',
      ),
    ];
  }
  return resourceAttributes || nonResourceAttributes
    ? []
    : [invalid('spec', spec, 'exactly one of nonResourceAttributes or resourceAttributes must be specified')];
}

/** Somebody must be asked about. */
export function validateSubject(spec: SubjectAccessReviewSpec): FieldError[] {
  return spec.user || spec.groups?.length
    ? []
    : [invalid('spec.user', spec.user ?? '', 'at least one of user or group must be specified')];
}

/** The user that a SubjectAccessReview asks about, in the groups it names and no others. */
export function subjectOf(spec: SubjectAccessReviewSpec): User {
  return {
    username: spec.user ?? '',
    groups: spec.groups ?? [],
    ...(spec.uid !== undefined && { uid: spec.uid }),
    ...(spec.extra && { extra: spec.extra }),
  };
}

export function attributesOf(question: Question, user: User): RequestAttributes {
  const { resourceAttributes, nonResourceAttributes } = question;
  if (!resourceAttributes) {
    return {
      kind: 'nonResource',
      user,
      verb: nonResourceAttributes?.verb ?? '',
      path: nonResourceAttributes?.path ?? '',
    };
  }
  return {
    kind: 'resource',
    user,
    verb: resourceAttributes.verb ?? '',
    group: resourceAttributes.group ?? '',
    version: resourceAttributes.version ?? '',
    resource: resourceAttributes.resource ?? '',
    subresource: resourceAttributes.subresource ?? '',
    namespace: resourceAttributes.namespace ?? '',
    name: resourceAttributes.name ?? '',
  };
}

/** RBAC rules in the two lists of a SelfSubjectRulesReview. */
export function splitRules(rules: readonly PolicyRule[]) {
  const resourceRules = rules
    .filter((rule) => rule.resources?.length)
    .map(({ verbs, apiGroups = [], resources = [], resourceNames }) => ({
      verbs,
      apiGroups,
      resources,
      ...(resourceNames?.length && { resourceNames }),
    }));
  const nonResourceRules = rules
    .filter((rule) => rule.nonResourceURLs?.length)
    .map(({ verbs, nonResourceURLs = [] }) => ({ verbs, nonResourceURLs }));
  return { resourceRules, nonResourceRules };
}
