import type { KubeObject } from '#api/machinery/object.ts';
import type { ObjectWrite } from '#apiserver/cache/cache.ts';

/** What goes with one write of an object: more writes in the same transaction, and what to do when it is over. */
export interface CompanionPlan {
  readonly writes: readonly ObjectWrite[];
  /** Ends the plan, whether the write succeeded or not: lets go of what it had reserved. */
  done(): void;
}

/**
 * Gives objects of one kind what only the server can give (addresses, ports). Each call may change
 * `object` in place, and reserves what it gave until the plan is done. In a dry run nothing is
 * reserved. Throws StatusError.
 */
export interface Companions {
  create(object: KubeObject, dryRun: boolean): CompanionPlan;
  update(object: KubeObject, old: KubeObject, dryRun: boolean): CompanionPlan;
  delete(old: KubeObject): CompanionPlan;
}

export const NO_PLAN: CompanionPlan = { writes: [], done: () => {} };
