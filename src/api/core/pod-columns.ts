// What `kubectl get pods` says of a pod. The words of the STATUS column follow upstream's printer, quirks included.
import type { ContainerState, ContainerStatus, Pod } from '#api/core/v1.gen.ts';
import { NONE, nameOf, objectAge, orNone } from '#api/machinery/cells.ts';
import { ageOf } from '#api/machinery/time.ts';

/** NAME READY STATUS RESTARTS AGE, wide: IP NODE NOMINATED-NODE READINESS-GATES. */
export function podCells(pod: Pod, nowMs: number): unknown[] {
  const { spec, status } = pod;
  const counts = countContainers(pod);
  return [
    nameOf(pod),
    `${counts.ready}/${counts.total}`,
    podStatusText(pod),
    restartsText(pod, nowMs),
    objectAge(pod, nowMs),
    orNone(status?.podIPs?.[0]?.ip ?? status?.podIP),
    orNone(spec?.nodeName),
    orNone(status?.nominatedNodeName),
    readinessGates(pod),
  ];
}

/** Init containers that keep running beside the others. */
function sidecars(pod: Pod): ReadonlySet<string> {
  const init = pod.spec?.initContainers ?? [];
  return new Set(init.filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name));
}

function initStatuses(pod: Pod): readonly ContainerStatus[] {
  return pod.status?.initContainerStatuses ?? [];
}

function statuses(pod: Pod): readonly ContainerStatus[] {
  return pod.status?.containerStatuses ?? [];
}

function hasCondition(pod: Pod, type: string, status: string): boolean {
  return (pod.status?.conditions ?? []).some(
    (condition) => condition.type === type && condition.status === status,
  );
}

function countContainers(pod: Pod): { ready: number; total: number } {
  const beside = sidecars(pod);
  const started = initStatuses(pod).filter((status) => beside.has(status.name) && status.started === true);
  const ready = statuses(pod).filter((status) => status.ready && status.state?.running);
  return {
    ready: ready.length + started.filter((status) => status.ready).length,
    total: (pod.spec?.containers ?? []).length + beside.size,
  };
}

/** The STATUS column: why the pod is not simply in its phase, in one word. */
export function podStatusText(pod: Pod): string {
  const phase = pod.status?.phase ?? '';
  let text = pod.status?.reason || phase;
  if (hasReason(pod, 'PodScheduled', 'SchedulingGated')) text = 'SchedulingGated';
  const waitingInit = initText(pod);
  const initialized = hasCondition(pod, 'Initialized', 'True');
  if (waitingInit !== undefined) text = waitingInit;
  if (waitingInit === undefined || initialized) text = containersText(pod, text);
  if (!pod.metadata?.deletionTimestamp) return text;
  if (pod.status?.reason === 'NodeLost') return 'Unknown';
  return phase === 'Succeeded' || phase === 'Failed' ? text : 'Terminating';
}

function hasReason(pod: Pod, type: string, reason: string): boolean {
  return (pod.status?.conditions ?? []).some(
    (condition) => condition.type === type && condition.reason === reason,
  );
}

/** What the first init container that is not done says; undefined when all are. */
function initText(pod: Pod): string | undefined {
  const beside = sidecars(pod);
  const total = pod.spec?.initContainers?.length ?? 0;
  for (const [index, status] of initStatuses(pod).entries()) {
    const { terminated, waiting } = status.state ?? {};
    if (terminated?.exitCode === 0 || (beside.has(status.name) && status.started === true)) continue;
    if (terminated) return `Init:${terminated.reason || exitText(terminated)}`;
    if (waiting?.reason && waiting.reason !== 'PodInitializing') return `Init:${waiting.reason}`;
    return `Init:${index}/${total}`;
  }
  return undefined;
}

function exitText({ signal, exitCode }: NonNullable<ContainerState['terminated']>): string {
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}

function containersText(pod: Pod, phaseText: string): string {
  let text = phaseText;
  let running = false;
  let failed = '';
  for (const status of [...statuses(pod)].reverse()) {
    const { waiting, terminated } = status.state ?? {};
    if (waiting?.reason) text = waiting.reason;
    else if (terminated) {
      text = terminated.reason || exitText(terminated);
      if (terminated.exitCode !== 0) failed = text;
    } else if (status.ready && status.state?.running) running = true;
  }
  if (text !== 'Completed') return text;
  if (running) return hasCondition(pod, 'Ready', 'True') ? 'Running' : 'NotReady';
  return failed === '' ? text : failed;
}

function restartsText(pod: Pod, nowMs: number): string {
  const beside = sidecars(pod);
  const init = initStatuses(pod);
  const initializing = initText(pod) !== undefined && !hasCondition(pod, 'Initialized', 'True');
  const counted = initializing ? init : [...init.filter(({ name }) => beside.has(name)), ...statuses(pod)];
  const restarts = counted.reduce((sum, { restartCount }) => sum + restartCount, 0);
  const times = counted.map(({ lastState }) => lastState?.terminated?.finishedAt ?? '');
  const last = times.sort().at(-1) ?? '';
  return restarts > 0 && last !== '' ? `${restarts} (${ageOf(last, nowMs)} ago)` : String(restarts);
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return NONE;
  const met = gates.filter(({ conditionType }) => hasCondition(pod, conditionType, 'True'));
  return `${met.length}/${gates.length}`;
}
