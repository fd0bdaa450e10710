import type { Namespace } from '#api/core/v1.gen.ts';
import { type FieldError, invalid } from '#api/machinery/field-error.ts';
import { metaOf } from '#api/machinery/object.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { LABEL_NAME, validateFinalizer } from '#api/machinery/validate-meta.ts';

const NAME_LABEL = 'kubernetes.io/metadata.name';
const POD_SECURITY_LEVELS = ['privileged', 'baseline', 'restricted'];

export const namespaceStrategy: StrategyParts<Namespace> = {
  checkName: LABEL_NAME,
  defaults: (namespace) => {
    const meta = metaOf(namespace);
    if (meta.name) meta.labels = { ...meta.labels, [NAME_LABEL]: meta.name };
  },
  prepareForCreate: (namespace) => {
    const finalizers = namespace.spec?.finalizers ?? [];
    namespace.spec = {
      finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'],
    };
    namespace.status = { phase: 'Active' };
  },
  prepareForUpdate: (namespace, old) => {
    // Only the finalize subresource changes these.
    namespace.spec = old.spec ?? {};
  },
  validate: validateNamespace,
  validateStatusUpdate: validateStatus,
  selectableFields: ({ status }) => ({ 'status.phase': status?.phase ?? '' }),
};

function validateNamespace(namespace: Namespace): FieldError[] {
  const finalizers = (namespace.spec?.finalizers ?? []).flatMap((finalizer, index) =>
    validateFinalizer(finalizer, `spec.finalizers[${index}]`),
  );
  return [...finalizers, ...validatePodSecurity(namespace)];
}

/** The levels of Pod Security are checked as its admission does. */
function validatePodSecurity({ metadata }: Namespace): FieldError[] {
  return ['enforce', 'audit', 'warn'].flatMap((mode) => {
    const label = `pod-security.kubernetes.io/${mode}`;
    const level = metadata?.labels?.[label];
    if (level === undefined || POD_SECURITY_LEVELS.includes(level)) return [];
    return [invalid(`metadata.labels[${label}]`, level, `must be one of ${POD_SECURITY_LEVELS.join(', ')}`)];
  });
}

function validateStatus({ metadata, status }: Namespace): FieldError[] {
  const phase = status?.phase ?? '';
  if (!metadata?.deletionTimestamp) {
    const text = "may only be 'Active' if `deletionTimestamp` is empty";
    return phase === 'Active' ? [] : [invalid('status.Phase', phase, text)];
  }
  const text = "may only be 'Terminating' if `deletionTimestamp` is not empty";
  return phase === 'Terminating' ? [] : [invalid('status.Phase', phase, text)];
}
