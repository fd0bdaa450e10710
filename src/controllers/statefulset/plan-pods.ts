/** The next steps for the pods of a StatefulSet: in order one by one, or all at once. Pure. */
import type { StatefulSet } from '#api/apps/v1.gen.ts';
import type { Pod } from '#api/core/v1.gen.ts';
import { resolveIntOrPercent } from '#controllers/shared/int-or-percent.ts';
import { isFinished, isReady, isTerminating, msUntilAvailable } from '#controllers/shared/pods.ts';
import { ordinalOf, revisionOf } from './plan-identity.ts';
import type { RevisionPlan } from './plan-revisions.ts';

export type Step =
  | { kind: 'create'; ordinal: number; revision: 'current' | 'update' }
  | { kind: 'delete'; pod: Pod };

export interface PodSteps {
  steps: Step[];
  /** A pod becomes available then, without any event telling. */
  checkAgainMs: number | undefined;
}

export function planPods(
  set: StatefulSet,
  pods: readonly Pod[],
  revisions: RevisionPlan,
  nowMs: number,
): PodSteps {
  const planner = new Planner(set, pods, revisions, nowMs);
  if (set.metadata?.deletionTimestamp === undefined) planner.plan();
  return { steps: planner.steps, checkAgainMs: planner.checkAgainMs };
}

class Planner {
  readonly steps: Step[] = [];
  checkAgainMs: number | undefined;
  readonly #set: StatefulSet;
  readonly #revisions: RevisionPlan;
  readonly #nowMs: number;
  readonly #byOrdinal = new Map<number, Pod>();
  readonly #start: number;
  readonly #end: number;
  readonly #oneByOne: boolean;

  constructor(set: StatefulSet, pods: readonly Pod[], revisions: RevisionPlan, nowMs: number) {
    this.#set = set;
    this.#revisions = revisions;
    this.#nowMs = nowMs;
    this.#start = set.spec.ordinals?.start ?? 0;
    this.#end = this.#start + (set.spec.replicas ?? 1);
    this.#oneByOne = set.spec.podManagementPolicy !== 'Parallel';
    for (const pod of pods) {
      const ordinal = ordinalOf(set, pod);
      if (ordinal !== undefined) this.#byOrdinal.set(ordinal, pod);
    }
  }

  /** Each stage goes on only when the one before has nothing to wait for. */
  plan(): void {
    if (this.#fill() && this.#shrink() && this.#set.spec.updateStrategy?.type !== 'OnDelete') this.#roll();
  }

  /** Every ordinal gets its pod, the lowest first. False: wait before going on. */
  #fill(): boolean {
    for (let ordinal = this.#start; ordinal < this.#end; ordinal++) {
      const pod = this.#byOrdinal.get(ordinal);
      if (pod === undefined) {
        this.steps.push({ kind: 'create', ordinal, revision: this.#revisionFor(ordinal) });
        if (this.#oneByOne) return false;
      } else if (isFinished(pod) && !isTerminating(pod)) {
        this.steps.push({ kind: 'delete', pod });
        if (this.#oneByOne) return false;
      } else if (this.#oneByOne && (isTerminating(pod) || !this.#isAvailable(pod))) return false;
    }
    return true;
  }

  /** Pods beyond the number of replicas go, the highest first. */
  #shrink(): boolean {
    const condemned = [...this.#byOrdinal]
      .filter(([ordinal]) => ordinal < this.#start || ordinal >= this.#end)
      .toSorted(([a], [b]) => b - a);
    for (const [, pod] of condemned) {
      if (!isTerminating(pod)) this.steps.push({ kind: 'delete', pod });
      if (this.#oneByOne) return false;
    }
    return true;
  }

  /** Pods of old revisions are replaced from the highest ordinal down to the partition. */
  #roll(): void {
    // Pods that come or go anyway are waited for.
    if (this.steps.length > 0) return;
    const { partition = 0, maxUnavailable } = this.#set.spec.updateStrategy?.rollingUpdate ?? {};
    const replicas = this.#end - this.#start;
    const allowed = Math.max(1, resolveIntOrPercent(maxUnavailable ?? 1, replicas, 'up'));
    const members = [...this.#byOrdinal].filter(([ordinal]) => ordinal >= this.#start && ordinal < this.#end);
    let unavailable = members.filter(([, pod]) => !this.#isAvailable(pod) || isTerminating(pod)).length;
    const update = this.#revisions.update.metadata?.name;
    for (const [ordinal, pod] of members.toSorted(([a], [b]) => b - a)) {
      if (ordinal < this.#start + partition) return;
      const isOld = revisionOf(pod) !== update;
      if (isOld && !isTerminating(pod)) {
        const broken = !this.#isAvailable(pod);
        if (!broken && unavailable >= allowed) return;
        if (!broken) unavailable++;
        this.steps.push({ kind: 'delete', pod });
        if (allowed === 1) return;
      } else if (!this.#isAvailable(pod) && unavailable >= allowed) return;
    }
  }

  #isAvailable(pod: Pod): boolean {
    if (pod.status?.phase !== 'Running' || !isReady(pod)) return false;
    const waitMs = msUntilAvailable(pod, this.#set.spec.minReadySeconds ?? 0, this.#nowMs);
    if (waitMs !== undefined && waitMs > 0)
      this.checkAgainMs = Math.min(this.checkAgainMs ?? Infinity, waitMs);
    return waitMs === 0;
  }

  /** A pod below the partition comes back as what it was. */
  #revisionFor(ordinal: number): 'current' | 'update' {
    const { type, rollingUpdate } = this.#set.spec.updateStrategy ?? {};
    if (type === 'OnDelete') return 'update';
    const { partition } = rollingUpdate ?? {};
    const kept = partition ?? (rollingUpdate === undefined ? (this.#set.status?.currentReplicas ?? 0) : 0);
    return ordinal < this.#start + kept ? 'current' : 'update';
  }
}
