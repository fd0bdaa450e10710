import { validateCounts } from '#api/apps/workload-validate.ts';
import type { CronJob } from '#api/batch/v1.gen.ts';
import { defaultPodSpec } from '#api/core/pod-defaults.ts';
import { workloadWarnings } from '#api/core/pod-warnings.ts';
import { type FieldError, invalid, notSupported, required } from '#api/machinery/field-error.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { validateJobSpec } from './job.ts';

const MAX_NAME = 52;
const POLICIES = ['Allow', 'Forbid', 'Replace'];
const MACROS = /^@(?:yearly|annually|monthly|weekly|daily|midnight|hourly|every .+)$/;
const FIELD = /^[\d*?/,\-A-Za-z]+$/;

export const cronJobStrategy: StrategyParts<CronJob> = {
  generation: 'spec',
  warnings: (object) => workloadWarnings(object, undefined),
  defaults: ({ spec }) => {
    if (spec === undefined) return;
    spec.concurrencyPolicy ??= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    const template = spec.jobTemplate?.spec?.template?.spec;
    if (template) defaultPodSpec(template);
  },
  // A job's name is the cron job's and eleven characters.
  validate: (object) => [...validateName(object), ...validateCronJob(object)],
  validateUpdate: validateCronJob,
};

function validateCronJob({ spec }: CronJob): FieldError[] {
  const { timeZone, concurrencyPolicy = '' } = spec ?? {};
  const { startingDeadlineSeconds, successfulJobsHistoryLimit, failedJobsHistoryLimit } = spec ?? {};
  const errors = [...validateSchedule(spec?.schedule ?? ''), ...validateTimeZone(timeZone)];
  errors.push(
    ...validateCounts({ startingDeadlineSeconds, successfulJobsHistoryLimit, failedJobsHistoryLimit }),
  );
  if (!POLICIES.includes(concurrencyPolicy)) {
    errors.push(notSupported('spec.concurrencyPolicy', concurrencyPolicy, POLICIES));
  }
  return [...errors, ...validateJobSpec(spec?.jobTemplate?.spec, 'spec.jobTemplate.spec')];
}

function validateSchedule(schedule: string): FieldError[] {
  const path = 'spec.schedule';
  if (schedule === '') return [required(path)];
  if (/TZ=/.test(schedule))
    return [invalid(path, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead')];
  const fields = schedule.trim().split(/\s+/);
  const fits = fields.length === 5 && fields.every((field) => FIELD.test(field));
  return fits || MACROS.test(schedule) ? [] : [invalid(path, schedule, 'expected exactly 5 fields')];
}

function validateTimeZone(timeZone: string | null | undefined): FieldError[] {
  if (typeof timeZone !== 'string') return [];
  const path = 'spec.timeZone';
  if (timeZone === '') return [invalid(path, timeZone, 'timeZone must be nil or non-empty string')];
  try {
    return Intl.DateTimeFormat('en', { timeZone }) ? [] : [];
  } catch {
    return [invalid(path, timeZone, `unknown time zone ${timeZone}`)];
  }
}

function validateName({ metadata }: CronJob): FieldError[] {
  const name = metadata?.name ?? '';
  if (name.length <= MAX_NAME) return [];
  return [invalid('metadata.name', name, `must be no more than ${MAX_NAME} characters`)];
}
