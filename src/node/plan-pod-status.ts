/** What a pod's status says, from what is known of its containers. Pure; kubelet's words. */
import type { ContainerState, ContainerStatus, Pod, PodCondition, PodStatus } from '#api/core/v1.gen.ts';
import { qosClass } from './plan-qos.ts';

export interface ContainerSnapshot {
  name: string;
  state: ContainerState;
  lastState: ContainerState;
  ready: boolean;
  started: boolean;
  restartCount: number;
  image: string;
  imageID: string;
  containerID: string | undefined;
  /** An init container that goes on running beside the others. */
  sidecar: boolean;
}

export interface PodSnapshot {
  init: readonly ContainerSnapshot[];
  containers: readonly ContainerSnapshot[];
  podIps: readonly string[];
  hostIps: readonly string[];
  sandboxReady: boolean;
  /** RFC 3339. */
  startTime: string;
  /** Why the whole pod ended other than by its containers: DeadlineExceeded, an admission refusal. */
  failure?: { reason: string; message: string } | undefined;
  /** All containers have ended for good. */
  ended: boolean;
}

/** `now`: RFC 3339. The result keeps the pod's conditions that are not the node's. */
export function planPodStatus(pod: Pod, snapshot: PodSnapshot, now: string): PodStatus {
  const { init, containers, podIps, hostIps, failure } = snapshot;
  const phase = failure ? 'Failed' : planPhase(pod, snapshot);
  const previous = pod.status?.conditions ?? [];
  const generation = pod.metadata?.generation;
  const conditions = planConditions(pod, snapshot, phase).map((condition): PodCondition => {
    const before = previous.find(({ type }) => type === condition.type);
    const changed = before?.status !== condition.status;
    const since = changed ? now : (before.lastTransitionTime ?? now);
    return {
      ...condition,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      lastTransitionTime: since,
    };
  });
  const own = new Set(conditions.map(({ type }) => type));
  const foreign = previous.filter(({ type }) => !own.has(type));
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    conditions: [...conditions, ...foreign],
    ...(failure ? { reason: failure.reason, message: failure.message } : {}),
    ...(hostIps[0] === undefined ? {} : { hostIP: hostIps[0], hostIPs: hostIps.map((ip) => ({ ip })) }),
    ...(podIps[0] === undefined ? {} : { podIP: podIps[0], podIPs: podIps.map((ip) => ({ ip })) }),
    startTime: snapshot.startTime,
    ...(init.length === 0 ? {} : { initContainerStatuses: init.map(containerStatus) }),
    containerStatuses: containers.map(containerStatus),
    qosClass: pod.status?.qosClass ?? qosClass(pod),
  };
}

function containerStatus(snapshot: ContainerSnapshot): ContainerStatus {
  const { name, state, lastState, ready, started, restartCount, image, imageID, containerID } = snapshot;
  return {
    name,
    state,
    lastState,
    ready,
    restartCount,
    image,
    imageID,
    ...(containerID === undefined ? {} : { containerID }),
    started,
  };
}

/** Pending until every container has run once, then by the restart policy. */
function planPhase(pod: Pod, { init, containers, ended }: PodSnapshot): string {
  const plain = init.filter(({ sidecar }) => !sidecar);
  const unfinished = plain.some(({ state }) => state.terminated?.exitCode !== 0);
  if (unfinished && containers.every(({ state }) => state.waiting !== undefined || ended)) {
    const failed = plain.some(
      ({ state }) => state.terminated !== undefined && state.terminated.exitCode !== 0,
    );
    return ended && (failed || pod.metadata?.deletionTimestamp !== undefined) ? 'Failed' : 'Pending';
  }
  const waiting = containers.filter(({ state, lastState }) => state.waiting && !lastState.terminated);
  if (waiting.length > 0) return 'Pending';
  if (containers.some(({ state }) => state.running)) return 'Running';
  // Terminal only when nothing of the pod runs any more, sidecars included.
  if (!ended) return 'Running';
  return containers.every(({ state }) => state.terminated?.exitCode === 0) ? 'Succeeded' : 'Failed';
}

type Verdict = Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>;

function planConditions(pod: Pod, snapshot: PodSnapshot, phase: string): Verdict[] {
  const ready = containersReady(snapshot, phase);
  return [
    verdict('PodReadyToStartContainers', snapshot.sandboxReady),
    initialized(snapshot, phase),
    podReady(pod, ready),
    { ...ready, type: 'ContainersReady' },
    { ...scheduled(pod), type: 'PodScheduled' },
  ];
}

const verdict = (type: string, holds: boolean, reason?: string, message?: string): Verdict => ({
  type,
  status: holds ? 'True' : 'False',
  ...(reason === undefined ? {} : { reason }),
  ...(message === undefined ? {} : { message }),
});

function scheduled(pod: Pod): Omit<Verdict, 'type'> {
  const { reason, message } = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled') ?? {};
  return { status: 'True', reason, message };
}

function initialized({ init }: PodSnapshot, phase: string): Verdict {
  if (phase === 'Succeeded') return verdict('Initialized', true, 'PodCompleted');
  const incomplete = init.filter(({ state, sidecar, started }) =>
    sidecar ? !started : state.terminated?.exitCode !== 0,
  );
  if (incomplete.length === 0) return verdict('Initialized', true);
  const names = incomplete.map(({ name }) => name).join(' ');
  return verdict(
    'Initialized',
    false,
    'ContainersNotInitialized',
    `containers with incomplete status: [${names}]`,
  );
}

function containersReady({ init, containers }: PodSnapshot, phase: string): Verdict {
  if (phase === 'Succeeded') return verdict('ContainersReady', false, 'PodCompleted');
  if (phase === 'Failed') return verdict('ContainersReady', false, 'PodFailed');
  const unready = [...init.filter(({ sidecar }) => sidecar), ...containers].filter(({ ready }) => !ready);
  if (unready.length === 0) return verdict('ContainersReady', true);
  const names = unready.map(({ name }) => name).join(' ');
  return verdict(
    'ContainersReady',
    false,
    'ContainersNotReady',
    `containers with unready status: [${names}]`,
  );
}

function podReady(pod: Pod, containers: Verdict): Verdict {
  if (containers.status !== 'True') return { ...containers, type: 'Ready' };
  const problems = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = pod.status?.conditions?.find(({ type }) => type === conditionType);
    if (!condition)
      return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    if (condition.status === 'True') return [];
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`];
  });
  if (problems.length === 0) return verdict('Ready', true);
  return verdict('Ready', false, 'ReadinessGatesNotReady', problems.join(', '));
}
