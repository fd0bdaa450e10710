/** Rolls out Deployments by making and scaling ReplicaSets. */
import type { Deployment, ReplicaSet } from '#api/apps/v1.gen.ts';
import type { Pod } from '#api/core/v1.gen.ts';
import { selects } from '#api/machinery/label-selector.ts';
import { keyOf } from '#api/machinery/object.ts';
import { applyClaim } from '#controllers/shared/claim.ts';
import {
  type ControllerContext,
  type ControllerDefinition,
  recorderOf,
  startQueue,
} from '#controllers/shared/context.ts';
import { controllerOf, planClaim, refersTo } from '#controllers/shared/owners.ts';
import { indexPods, isFinished } from '#controllers/shared/pods.ts';
import type { EventRecorder } from '#kube/events.ts';
import type { Informer } from '#kube/informer.ts';
import { DEPLOYMENTS, PODS, REPLICA_SETS } from '#kube/resources.ts';
import type { Again, WorkQueue } from '#kube/work-queue.ts';
import { applyDeployment } from './apply.ts';
import { planDeployment } from './plan.ts';

export const DEPLOYMENTS_CONTROLLER: ControllerDefinition = {
  name: 'deployment',
  watches: [DEPLOYMENTS, REPLICA_SETS, PODS],
  start: (context) => new DeploymentController(context).start(),
};

class DeploymentController {
  readonly #context: ControllerContext;
  readonly #deployments: Informer<Deployment>;
  readonly #sets: Informer<ReplicaSet>;
  readonly #pods: Informer<Pod>;
  readonly #recorder: EventRecorder;
  readonly #queue: WorkQueue;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#deployments = context.informers.get(DEPLOYMENTS);
    this.#sets = context.informers.get(REPLICA_SETS);
    this.#pods = context.informers.get(PODS);
    this.#recorder = recorderOf(context, 'deployment-controller');
    this.#queue = startQueue(context, 'deployment', { concurrency: 16, work: (key) => this.#sync(key) });
    indexPods(this.#pods);
    this.#deployments.addIndex('namespace', ({ metadata }) => [metadata?.namespace ?? '']);
    this.#sets.addIndex('controller', (set) => {
      const controller = controllerOf(set);
      return controller === undefined ? [] : [controller.uid];
    });
    this.#sets.addIndex('free', (set) =>
      controllerOf(set) === undefined ? [set.metadata?.namespace ?? ''] : [],
    );
  }

  start(): void {
    this.#deployments.onChange({
      onAdd: (deployment) => this.#queue.add(keyOf(deployment)),
      onUpdate: (deployment) => this.#queue.add(keyOf(deployment)),
    });
    this.#sets.onChange({
      onAdd: (set) => this.#setChanged(set),
      onUpdate: (set, old) => {
        if (controllerOf(old)?.uid !== controllerOf(set)?.uid) this.#setChanged(old);
        this.#setChanged(set);
      },
      onDelete: (set) => this.#setChanged(set),
    });
    // Recreate waits for the last old pod to be gone, which changes nothing in any ReplicaSet.
    this.#pods.onChange({ onDelete: (pod) => this.#podGone(pod) });
  }

  #setChanged(set: ReplicaSet): void {
    const controller = controllerOf(set);
    const namespace = set.metadata?.namespace ?? '';
    if (controller !== undefined) {
      if (refersTo(controller, DEPLOYMENTS)) this.#queue.add(`${namespace}/${controller.name}`);
      return;
    }
    for (const deployment of this.#deployments.store.byIndex('namespace', namespace)) {
      if (selects(deployment.spec.selector, set.metadata?.labels)) this.#queue.add(keyOf(deployment));
    }
  }

  #podGone(pod: Pod): void {
    const controller = controllerOf(pod);
    if (controller === undefined || !refersTo(controller, REPLICA_SETS)) return;
    const set = this.#sets.store.get(`${pod.metadata?.namespace}/${controller.name}`);
    const owner = set && controllerOf(set);
    const deployment = owner && this.#deployments.store.get(`${pod.metadata?.namespace}/${owner.name}`);
    if (deployment?.spec.strategy?.type === 'Recreate') this.#queue.add(keyOf(deployment));
  }

  async #sync(key: string): Promise<Again | void> {
    const deployment = this.#deployments.store.get(key);
    if (deployment === undefined) return undefined;
    const sets = await this.#claim(deployment);
    const podsOf = (set: ReplicaSet): number =>
      this.#pods.store.byIndex('controller', set.metadata?.uid ?? '').filter((pod) => !isFinished(pod))
        .length;
    const plan = planDeployment(deployment, sets, podsOf, Date.now());
    await applyDeployment(deployment, plan, this.#context, this.#recorder);
    return plan.checkAgainMs === undefined ? undefined : { requeueAfterMs: plan.checkAgainMs };
  }

  #claim(deployment: Deployment): Promise<ReplicaSet[]> {
    const { client, signal } = this.#context;
    const { uid = '', namespace = '' } = deployment.metadata ?? {};
    const candidates = [
      ...this.#sets.store.byIndex('controller', uid),
      ...this.#sets.store.byIndex('free', namespace),
    ];
    const selected = (set: ReplicaSet): boolean => selects(deployment.spec.selector, set.metadata?.labels);
    const claim = planClaim(deployment, candidates, selected);
    return applyClaim(claim, {
      client,
      signal,
      kind: REPLICA_SETS,
      owner: deployment,
      ownerKind: DEPLOYMENTS,
    });
  }
}
