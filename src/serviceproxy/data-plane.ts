import type { Flow } from '#wire/conntrack.ts';
import type { ForwardingModel, ServicePlan } from './forwarding-model.ts';

/** By Service; undefined: it is gone. */
export type PlanChanges = ReadonlyMap<string, ServicePlan | undefined>;

/** Brings the kernel to a model. Each call leaves it complete: no rule of the old model beside one of the new. */
export interface DataPlane extends Disposable {
  /** Makes the kernel hold exactly this model, whatever it held. Established connections go on. */
  set(model: ForwardingModel): void;
  /** Brings the kernel from the last model to one that differs in these Services. */
  update(changes: PlanChanges): void;
  /** These flows are about to be forgotten: answers on their way to clients still get there. */
  awaitReplies(flows: readonly Flow[]): void;
  /** Repairs what somebody else changed; returns how many things differed. */
  audit(): number;
  /** Takes everything of this data plane out of the kernel. */
  cleanup(): void;
}
