import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import type { ClusterView } from './cluster-view.ts';
import type { MetricRegistry } from './metric-registry.ts';

/** Set by the EndpointSlice controller: when the change happened that a slice is written for. */
const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';
/** 1 ms to 17 min, each twice the one before. */
const BOUNDS = Array.from({ length: 20 }, (_, i) => 0.001 * 2 ** i);

/** Measures, from a change of pods to the answers made of it, for headless Services, whose names are pods. */
export function programmingLatency(
  metrics: MetricRegistry,
  nowMs: () => number = Date.now,
): (slice: EndpointSlice, view: ClusterView) => void {
  const family = metrics.histogram(
    'coredns_kubernetes_dns_programming_duration_seconds',
    'From a change of pods to the answers made of it.',
    ['service_kind'],
    BOUNDS,
  );
  return ({ metadata }, view) => {
    const changedMs = Date.parse(metadata?.annotations?.[TRIGGER_TIME] ?? '');
    const name = metadata?.labels?.['kubernetes.io/service-name'] ?? '';
    const service = view.service(metadata?.namespace ?? '', name);
    if (Number.isNaN(changedMs) || service?.kind !== 'headless') return;
    family.with('headless_with_selector').observe(Math.max(0, (nowMs() - changedMs) / 1000));
  };
}
