/** What a node tells about its pods: lists as JSON, counts as metrics. */
import type { Pod, PodList } from '#api/core/v1.gen.ts';

export function podList(pods: readonly Pod[]): string {
  const list: PodList = { apiVersion: 'v1', kind: 'PodList', metadata: {}, items: [...pods] };
  return JSON.stringify(list);
}

export function runningPods(pods: readonly Pod[]): Pod[] {
  return pods.filter((pod) => runningContainers(pod) > 0);
}

/** In the text format of Prometheus, under the kubelet's names. */
export function metricsText(pods: readonly Pod[]): string {
  const containers = pods.reduce((sum, pod) => sum + runningContainers(pod), 0);
  return [
    '# HELP kubelet_running_pods Number of pods that have a running container',
    '# TYPE kubelet_running_pods gauge',
    `kubelet_running_pods ${runningPods(pods).length}`,
    '# HELP kubelet_running_containers Number of containers currently running',
    '# TYPE kubelet_running_containers gauge',
    `kubelet_running_containers{container_state="running"} ${containers}`,
    '',
  ].join('\n');
}

function runningContainers({ status }: Pod): number {
  return (status?.containerStatuses ?? []).filter(({ state }) => state?.running).length;
}
