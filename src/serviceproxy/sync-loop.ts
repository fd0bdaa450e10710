import type { ConntrackClient } from '#kernel/conntrack.ts';
import type { Flow } from '#wire/conntrack.ts';
import type { ChangeTracker } from './change-tracker.ts';
import type { DataPlane } from './data-plane.ts';
import type { NodeSettings, ServicePlan } from './forwarding-model.ts';
import { planService } from './plan-service.ts';
import { changedUdpFrontends, isStaleFlow } from './plan-stale-flows.ts';
import type { ProxyHealth, ServiceHealthServers } from './serve-health.ts';
import type { ServiceWatch } from './watch-services.ts';

const RETRY_MS = 1000;
/** Bursts of changes share one walk through the connection table. */
const CONNTRACK_DELAY_MS = 20;

export interface SyncParts {
  readonly watch: Pick<ServiceWatch, 'slicesOf' | 'topology' | 'nodeEligible'> & {
    readonly services: { readonly store: Pick<ServiceWatch['services']['store'], 'get' | 'values'> };
  };
  readonly tracker: ChangeTracker;
  readonly dataPlane: DataPlane;
  readonly conntrack: Pick<ConntrackClient, 'deleteFlowsInTurns'>;
  readonly healthServers: Pick<ServiceHealthServers, 'set'>;
  readonly settings: NodeSettings;
  readonly signal: AbortSignal;
  readonly log: (message: string) => void;
}

/** Brings what changed into the kernel, and again until it is there. */
export class SyncLoop {
  readonly #parts: SyncParts;
  readonly #plans = new Map<string, ServicePlan>();
  readonly #staleFrontends = new Map<string, ReadonlySet<string>>();
  #conntrackTimer: NodeJS.Timeout | undefined;
  #isDeleting = false;
  #lastUpdatedMs = 0;
  #pendingSinceMs: number | undefined;

  constructor(parts: SyncParts) {
    this.#parts = parts;
  }

  /** Everything at once. */
  first(): void {
    const { watch, dataPlane, tracker, settings } = this.#parts;
    tracker.take();
    const changes = this.#plan(
      [...watch.services.store.values()].map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`),
    );
    for (const [key, plan] of changes) if (plan !== undefined) this.#plans.set(key, plan);
    dataPlane.set({ settings, services: this.#plans });
    this.#done(changes, new Map());
  }

  all(): void {
    for (const key of this.#plans.keys()) this.#parts.tracker.add(key);
  }

  sync(): void {
    const { tracker, dataPlane, signal, log } = this.#parts;
    if (signal.aborted || this.#lastUpdatedMs === 0) return;
    const keys = tracker.take();
    if (keys.size === 0) return;
    this.#pendingSinceMs ??= Date.now();
    try {
      const changes = this.#plan(keys);
      dataPlane.update(changes);
      const old = new Map<string, ServicePlan | undefined>();
      for (const [key, plan] of changes) {
        old.set(key, this.#plans.get(key));
        if (plan === undefined) this.#plans.delete(key);
        else this.#plans.set(key, plan);
      }
      this.#done(changes, old);
    } catch (error) {
      log(
        `rules of ${keys.size} Services: ${(error as Error).message}; trying again in ${RETRY_MS / 1000} s`,
      );
      tracker.giveBack(keys);
      setTimeout(() => this.sync(), RETRY_MS).unref();
    }
  }

  /** Flows have to go, whether answers that are on their way get through or not. */
  #awaitReplies(stale: readonly Flow[]): void {
    try {
      this.#parts.dataPlane.awaitReplies(stale);
    } catch (error) {
      this.#parts.log(`late replies: ${(error as Error).message}`);
    }
  }

  audit(): void {
    const { dataPlane, log } = this.#parts;
    try {
      const differences = dataPlane.audit();
      if (differences > 0) log(`somebody changed our rules: ${differences} differences repaired`);
    } catch (error) {
      log(`audit: ${(error as Error).message}`);
    }
  }

  health(): ProxyHealth {
    const nodeEligible = this.#parts.watch.nodeEligible();
    return { lastUpdatedMs: this.#lastUpdatedMs, pendingSinceMs: this.#pendingSinceMs, nodeEligible };
  }

  #plan(keys: Iterable<string>): Map<string, ServicePlan | undefined> {
    const { watch, log } = this.#parts;
    const topology = watch.topology();
    const plans = new Map<string, ServicePlan | undefined>();
    for (const key of keys) {
      const service = watch.services.store.get(key);
      try {
        plans.set(key, service && planService(service, watch.slicesOf(key), topology));
      } catch (error) {
        // What the API server should not have let in must not keep other Services from being served.
        log(`Service ${key} stays as it was, it cannot be understood: ${(error as Error).message}`);
      }
    }
    return plans;
  }

  /** What follows the rules and must not delay them. */
  #done(
    changes: ReadonlyMap<string, ServicePlan | undefined>,
    old: ReadonlyMap<string, ServicePlan | undefined>,
  ): void {
    this.#lastUpdatedMs = Date.now();
    this.#pendingSinceMs = undefined;
    for (const [key, plan] of changes) {
      this.#parts.healthServers.set(key, plan);
      for (const [frontend, endpoints] of changedUdpFrontends(old.get(key), plan))
        this.#staleFrontends.set(frontend, endpoints);
    }
    this.#deleteStaleFlowsSoon();
  }

  #deleteStaleFlowsSoon(): void {
    const isUnderWay = this.#conntrackTimer !== undefined || this.#isDeleting;
    if (this.#staleFrontends.size === 0 || isUnderWay) return;
    this.#conntrackTimer = setTimeout(() => void this.#deleteStaleFlows(), CONNTRACK_DELAY_MS);
    this.#conntrackTimer.unref();
  }

  async #deleteStaleFlows(): Promise<void> {
    const { conntrack, settings, signal, log } = this.#parts;
    this.#conntrackTimer = undefined;
    const frontends = new Map(this.#staleFrontends);
    this.#staleFrontends.clear();
    if (signal.aborted) return;
    this.#isDeleting = true;
    try {
      await conntrack.deleteFlowsInTurns(
        (flow) => isStaleFlow(flow, frontends, settings),
        (stale) => this.#awaitReplies(stale),
      );
    } catch (error) {
      // What was closed meanwhile is nothing to tell of.
      if (!signal.aborted) log(`stale UDP flows: ${(error as Error).message}`);
    } finally {
      this.#isDeleting = false;
      this.#deleteStaleFlowsSoon();
    }
  }
}
