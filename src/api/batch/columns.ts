import type { CronJob, Job } from '#api/batch/v1.gen.ts';
import {
  type CellsOf,
  cells,
  containersText,
  NONE,
  nameOf,
  objectAge,
  orNone,
} from '#api/machinery/cells.ts';
import { formatLabelSelector } from '#api/machinery/label-selector.ts';
import { ageOf, formatAge } from '#api/machinery/time.ts';

function jobStatus(job: Job): string {
  const holds = (type: string) =>
    (job.status?.conditions ?? []).some((c) => c.type === type && c.status === 'True');
  if (holds('Complete')) return 'Complete';
  if (holds('Failed')) return 'Failed';
  if (job.metadata?.deletionTimestamp) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(holds) ?? 'Running';
}

function completions({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (typeof spec?.completions === 'number') return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function duration({ status }: Job, nowMs: number): string {
  if (!status?.startTime) return '';
  const endMs = status.completionTime ? Date.parse(status.completionTime) : nowMs;
  return formatAge(endMs - Date.parse(status.startTime));
}

function job(object: Job, nowMs: number): unknown[] {
  return [
    nameOf(object),
    jobStatus(object),
    completions(object),
    duration(object, nowMs),
    objectAge(object, nowMs),
    ...containersText(object.spec?.template.spec?.containers),
    formatLabelSelector(object.spec?.selector),
  ];
}

function cronJob(object: CronJob, nowMs: number): unknown[] {
  const { spec, status } = object;
  return [
    nameOf(object),
    spec?.schedule ?? '',
    orNone(spec?.timeZone),
    // Upstream's cell is text although the column is boolean.
    spec?.suspend === true ? 'True' : 'False',
    status?.active?.length ?? 0,
    status?.lastScheduleTime ? ageOf(status.lastScheduleTime, nowMs) : NONE,
    objectAge(object, nowMs),
    ...containersText(spec?.jobTemplate.spec?.template.spec?.containers),
    formatLabelSelector(spec?.jobTemplate.spec?.selector),
  ];
}

export const batchCells: Readonly<Record<string, CellsOf>> = {
  'batch/Job': cells(job),
  'batch/CronJob': cells(cronJob),
};
