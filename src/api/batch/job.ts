import { validateCounts } from '#api/apps/workload-validate.ts';
import type { Job, JobSpec } from '#api/batch/v1.gen.ts';
import { defaultPodSpec } from '#api/core/pod-defaults.ts';
import { validatePodTemplate } from '#api/core/pod-validate.ts';
import { workloadWarnings } from '#api/core/pod-warnings.ts';
import { type FieldError, invalid, notSupported, required } from '#api/machinery/field-error.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { validateImmutable } from '#api/machinery/validate-meta.ts';

const UID_LABELS = ['batch.kubernetes.io/controller-uid', 'controller-uid'];
const NAME_LABELS = ['batch.kubernetes.io/job-name', 'job-name'];
const COMPLETION_MODES = ['Indexed', 'NonIndexed'];

export const jobStrategy: StrategyParts<Job> = {
  generation: 'spec',
  warnings: (object) => workloadWarnings(object, object.spec?.template),
  defaults: ({ spec, metadata }) => {
    if (spec === undefined) return;
    if (spec.template?.spec) defaultPodSpec(spec.template.spec);
    defaultJobSpec(spec);
    const labels = spec.template?.metadata?.labels;
    if (metadata && labels && Object.keys(metadata.labels ?? {}).length === 0)
      metadata.labels = { ...labels };
  },
  prepareForCreate: generateSelector,
  validate: (job) => [...validateSelector(job), ...validateJobSpec(job.spec, 'spec')],
  validateUpdate: (job, old) => [
    ...validateJobSpec(job.spec, 'spec'),
    ...validateImmutable(job.spec?.completions, old.spec?.completions, 'spec.completions'),
    ...validateImmutable(job.spec?.selector, old.spec?.selector, 'spec.selector'),
    ...validateImmutable(job.spec?.completionMode, old.spec?.completionMode, 'spec.completionMode'),
    ...validateImmutable(job.spec?.template, old.spec?.template, 'spec.template'),
  ],
  selectableFields: ({ status }) => ({ 'status.successful': String(status?.succeeded ?? 0) }),
};

function defaultJobSpec(spec: JobSpec): void {
  // A work queue has neither; one task has one of each.
  if (spec.completions === undefined && spec.parallelism === undefined) {
    spec.completions = 1;
    spec.parallelism = 1;
  }
  spec.parallelism ??= 1;
  spec.backoffLimit ??= 6;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ??= 'TerminatingOrFailed';
}

/** A job finds its pods by its own UID, unless the user takes that upon himself. */
function generateSelector(job: Job): void {
  const { spec, metadata } = job;
  if (spec === undefined || spec.manualSelector === true || spec.selector) return;
  const uid = metadata?.uid ?? '';
  const name = metadata?.name ?? '';
  const own = Object.fromEntries([
    ...UID_LABELS.map((key) => [key, uid]),
    ...NAME_LABELS.map((key) => [key, name]),
  ]) as Record<string, string>;
  spec.template.metadata = {
    ...spec.template.metadata,
    labels: { ...spec.template.metadata?.labels, ...own },
  };
  spec.selector = { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } };
}

function validateSelector({ spec }: Job): FieldError[] {
  if (!spec?.selector) return [required('spec.selector')];
  if (spec.manualSelector === true) return [];
  const generated = 'batch.kubernetes.io/controller-uid' in (spec.selector.matchLabels ?? {});
  return generated ? [] : [invalid('spec.selector', spec.selector, '`selector` not auto-generated')];
}

/** Findings about a job's spec, in a Job or in a CronJob's template. */
export function validateJobSpec(spec: JobSpec | undefined, path: string): FieldError[] {
  const { parallelism, completions, backoffLimit, ttlSecondsAfterFinished, completionMode } = spec ?? {};
  const errors = validateCounts({ parallelism, completions, backoffLimit, ttlSecondsAfterFinished }, path);
  if (completionMode && !COMPLETION_MODES.includes(completionMode)) {
    errors.push(notSupported(`${path}.completionMode`, completionMode, COMPLETION_MODES));
  }
  errors.push(...validatePodTemplate(spec?.template, `${path}.template`));
  const policy = spec?.template?.spec?.restartPolicy ?? 'Always';
  if (policy === 'Always') {
    errors.push(required(`${path}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"'));
  }
  return errors;
}
