/** authorization.k8s.io: objects that are questions, answered at once and never stored. */
import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewStatus,
} from '#api/authorization/v1.gen.ts';
import { type FieldError, invalid as invalidField } from '#api/machinery/field-error.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { badRequest, invalid } from '#api/machinery/status-error.ts';
import type { HookContext, VirtualCreate } from '#apiserver/hooks.ts';
import { attributesOf, splitRules, subjectOf, validateQuestion, validateSubject } from './plan-review.ts';
import type { RuleResolver } from './rbac-authorizer.ts';
import type { Authorizer, RequestAttributes } from './types.ts';

const GROUP = 'authorization.k8s.io';

/** Without a resolver (AlwaysAllow) a rules review says that everything is allowed. */
export function accessReviews(
  authorizer: Authorizer,
  rules: RuleResolver | undefined,
): ReadonlyMap<string, VirtualCreate> {
  const decide = (attributes: RequestAttributes): SubjectAccessReviewStatus => {
    const { allowed, reason } = authorizer.authorize(attributes);
    return { allowed, ...(reason !== '' && { reason }) };
  };

  function subjectAccessReview(object: KubeObject): KubeObject {
    const review = object as SubjectAccessReview;
    reject([...validateQuestion(review.spec), ...validateSubject(review.spec)]);
    return { ...review, status: decide(attributesOf(review.spec, subjectOf(review.spec))) } as KubeObject;
  }

  function localSubjectAccessReview(object: KubeObject, { attributes }: HookContext): KubeObject {
    const review = object as LocalSubjectAccessReview;
    const { spec } = review;
    reject([
      ...validateQuestion(spec),
      ...validateSubject(spec),
      ...validateNamespace(spec.resourceAttributes?.namespace, attributes.namespace),
    ]);
    return { ...review, status: decide(attributesOf(spec, subjectOf(spec))) } as KubeObject;
  }

  function selfSubjectAccessReview(object: KubeObject, { attributes }: HookContext): KubeObject {
    const review = object as SelfSubjectAccessReview;
    reject(validateQuestion(review.spec));
    return { ...review, status: decide(attributesOf(review.spec, attributes.user)) } as KubeObject;
  }

  function selfSubjectRulesReview(object: KubeObject, { attributes }: HookContext): KubeObject {
    const review = object as SelfSubjectRulesReview;
    const { namespace } = review.spec;
    if (!namespace) {
      throw badRequest('no namespace on request');
    }
    const granted = rules ? [...rules.grantsFor(attributes.user, namespace)] : undefined;
    const allowed = granted?.flatMap((grant) => (grant.kind === 'rule' ? [grant.rule] : [])) ?? EVERYTHING;
    const broken = granted?.flatMap((grant) => (grant.kind === 'broken' ? [grant.reason] : [])) ?? [];
    const status = {
      ...splitRules(allowed),
      incomplete: broken.length > 0,
      ...(broken.length > 0 && { evaluationError: broken.join(', ') }),
    };
    return { ...review, spec: {}, status } as KubeObject;
  }

  return new Map<string, VirtualCreate>([
    [`subjectaccessreviews.${GROUP}`, subjectAccessReview],
    [`localsubjectaccessreviews.${GROUP}`, localSubjectAccessReview],
    [`selfsubjectaccessreviews.${GROUP}`, selfSubjectAccessReview],
    [`selfsubjectrulesreviews.${GROUP}`, selfSubjectRulesReview],
  ]);
}

const EVERYTHING = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

function validateNamespace(asked: string | undefined, own: string): FieldError[] {
  return (asked ?? '') === own
    ? []
    : [
        invalidField(
          'spec.resourceAttributes.namespace',
          asked ?? '',
          `must match metadata.namespace: ${own}`,
        ),
      ];
}

function reject(errors: readonly FieldError[]): void {
  if (errors.length > 0) {
    // Upstream names no kind in these.
    throw invalid({ group: GROUP, kind: '' }, '', errors);
  }
}
