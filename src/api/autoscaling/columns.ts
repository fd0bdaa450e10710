import type { Scale } from '#api/autoscaling/v1.gen.ts';
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus } from '#api/autoscaling/v2.gen.ts';
import { type CellsOf, cells, NONE, nameOf, objectAge } from '#api/machinery/cells.ts';

const UNKNOWN = '<unknown>';

function metricText(spec: MetricSpec, current: MetricStatus | undefined): string {
  const target = spec.resource?.target ?? spec.pods?.target ?? spec.object?.target ?? spec.external?.target;
  const value =
    current?.resource?.current ??
    current?.pods?.current ??
    current?.object?.current ??
    current?.external?.current;
  const name = spec.resource ? `${spec.resource.name}: ` : '';
  if (typeof target?.averageUtilization === 'number') {
    const now = typeof value?.averageUtilization === 'number' ? `${value.averageUtilization}%` : UNKNOWN;
    return `${name}${now}/${target.averageUtilization}%`;
  }
  if (target?.averageValue) return `${name}${value?.averageValue ?? UNKNOWN}/${target.averageValue}`;
  return `${name}${value?.value ?? UNKNOWN}/${target?.value ?? UNKNOWN}`;
}

/** Of an autoscaler in any version: v1 shows no metrics of its own. */
function autoscaler(object: HorizontalPodAutoscaler, nowMs: number): unknown[] {
  const { spec, status } = object;
  const metrics = (spec?.metrics ?? []).map((metric, index) =>
    metricText(metric, status?.currentMetrics?.[index]),
  );
  const shown =
    metrics.length > 2
      ? [...metrics.slice(0, 2), `${metrics.length - 2} more...`].join(' + ')
      : metrics.join(', ');
  return [
    nameOf(object),
    `${spec?.scaleTargetRef.kind ?? ''}/${spec?.scaleTargetRef.name ?? ''}`,
    metrics.length === 0 ? NONE : shown,
    typeof spec?.minReplicas === 'number' ? String(spec.minReplicas) : '<unset>',
    spec?.maxReplicas ?? 0,
    status?.currentReplicas ?? 0,
    objectAge(object, nowMs),
  ];
}

function scale(object: Scale, nowMs: number): unknown[] {
  return [nameOf(object), object.spec?.replicas ?? 0, object.status?.replicas ?? 0, objectAge(object, nowMs)];
}

export const autoscalingCells: Readonly<Record<string, CellsOf>> = {
  'autoscaling/HorizontalPodAutoscaler': cells(autoscaler),
  'autoscaling/Scale': cells(scale),
};
