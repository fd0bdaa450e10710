/** Runs the controllers of a cluster in one thread, on shared informers. */
import type { ApiClient } from '#kube/client.ts';
import type { Informer } from '#kube/informer.ts';
import type { Resource } from '#kube/resources.ts';
import { type ControllersConfig, resolveConfig } from './config.ts';
import { DAEMON_SETS_CONTROLLER } from './daemonset/daemonset.ts';
import { DEPLOYMENTS_CONTROLLER } from './deployment/deployment.ts';
import { ENDPOINTS_CONTROLLER_DEFINITION } from './endpoint/endpoint.ts';
import { ENDPOINT_SLICES_CONTROLLER } from './endpointslice/endpointslice.ts';
import { MIRRORING_CONTROLLER_DEFINITION } from './endpointslicemirroring/endpointslicemirroring.ts';
import { GARBAGE_COLLECTOR } from './garbagecollector/garbagecollector.ts';
import { NAMESPACES_CONTROLLER } from './namespace/namespace.ts';
import { NODE_IPAM_CONTROLLER } from './nodeipam/nodeipam.ts';
import { NODE_LIFECYCLE_CONTROLLER } from './nodelifecycle/nodelifecycle.ts';
import { POD_GC_CONTROLLER } from './podgc/podgc.ts';
import { REPLICA_SETS_CONTROLLER, REPLICATION_CONTROLLERS_CONTROLLER } from './replicaset/replicaset.ts';
import { SCHEDULER } from './scheduler/scheduler.ts';
import { ROOT_CA_CONTROLLER, SERVICE_ACCOUNTS_CONTROLLER } from './serviceaccount/serviceaccount.ts';
import type { ControllerDefinition } from './shared/context.ts';
import { SharedInformers } from './shared/shared-informers.ts';
import { STATEFUL_SETS_CONTROLLER } from './statefulset/statefulset.ts';

export type { ControllerName, ControllersConfig } from './config.ts';

/** Running controllers; they end when disposed or with the signal they were given. */
export interface Controllers extends AsyncDisposable {
  /** The informer of a kind, shared with the controllers. */
  informer<T extends object>(resource: Resource<T>): Informer<T>;
}

/** In the order they start: what others wait for comes first. */
export const CONTROLLERS: readonly ControllerDefinition[] = [
  SERVICE_ACCOUNTS_CONTROLLER,
  ROOT_CA_CONTROLLER,
  NODE_IPAM_CONTROLLER,
  NODE_LIFECYCLE_CONTROLLER,
  SCHEDULER,
  REPLICA_SETS_CONTROLLER,
  REPLICATION_CONTROLLERS_CONTROLLER,
  DEPLOYMENTS_CONTROLLER,
  STATEFUL_SETS_CONTROLLER,
  DAEMON_SETS_CONTROLLER,
  ENDPOINT_SLICES_CONTROLLER,
  ENDPOINTS_CONTROLLER_DEFINITION,
  MIRRORING_CONTROLLER_DEFINITION,
  NAMESPACES_CONTROLLER,
  GARBAGE_COLLECTOR,
  POD_GC_CONTROLLER,
];

/** Resolves when every cache is filled and every controller works. Rejects when the signal fires before. */
export async function startControllers(
  client: ApiClient,
  config: ControllersConfig,
  signal: AbortSignal,
): Promise<Controllers> {
  const resolved = resolveConfig(config);
  const stop = new AbortController();
  const all = AbortSignal.any([signal, stop.signal]);
  const onError = (error: Error): void => resolved.onError?.(error, 'informer');
  const informers = new SharedInformers({ client, signal: all, onError });
  const chosen = CONTROLLERS.filter(({ name }) => resolved.only?.includes(name) ?? true);
  for (const resource of chosen.flatMap(({ watches }) => watches)) informers.get(resource);
  await informers.synced();
  for (const controller of chosen) controller.start({ client, informers, config: resolved, signal: all });
  return {
    informer: (resource) => informers.get(resource),
    [Symbol.asyncDispose]: async () => stop.abort(),
  };
}
