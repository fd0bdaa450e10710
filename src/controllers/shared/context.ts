/** What every controller gets to work with. */

import type { ControllerName, ResolvedConfig } from '#controllers/config.ts';
import type { ApiClient } from '#kube/client.ts';
import { isConflict, isNamespaceTerminating, isNotFound } from '#kube/errors.ts';
import { EventRecorder } from '#kube/events.ts';
import type { Resource } from '#kube/resources.ts';
import { WorkQueue, type WorkQueueOptions } from '#kube/work-queue.ts';
import type { SharedInformers } from './shared-informers.ts';

export interface ControllerContext {
  readonly client: ApiClient;
  readonly informers: SharedInformers;
  readonly config: ResolvedConfig;
  readonly signal: AbortSignal;
}

/** One controller: its informers are filled before it starts. */
export interface ControllerDefinition {
  readonly name: ControllerName;
  readonly watches: readonly Resource[];
  /** Registers handlers; what is there already comes as additions. Ends with the context's signal. */
  start(context: ControllerContext): void;
}

/** A work queue that reports failures under the controller's name. */
export function startQueue(
  context: ControllerContext,
  name: ControllerName,
  options: Pick<WorkQueueOptions, 'work' | 'concurrency' | 'backoff'>,
): WorkQueue {
  const { signal, config } = context;
  const onError = (error: Error, key: string, failures: number) => {
    // A first conflict is the normal price of working from a cache.
    if (isConflict(error) && failures < 5) return;
    config.onError?.(new Error(`${name} ${key}: ${error.message}`, { cause: error }), name);
  };
  return new WorkQueue({ name, signal, onError, ...options });
}

/** Records events as `component`. */
export function recorderOf(context: ControllerContext, component: string): EventRecorder {
  const { client, signal, config } = context;
  return new EventRecorder({
    client,
    component,
    signal,
    onError: (error) => {
      if (!isNamespaceTerminating(error) && !isNotFound(error)) config.onError?.(error, component);
    },
  });
}

/** Runs `call`; a 404 (the object is gone: nothing left to do) resolves to undefined. */
export async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  return call.catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
}
