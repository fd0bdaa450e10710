import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ResourceAttributes } from '#apiserver/auth/types.ts';
import type { Engine, ObjectId, Scope } from '#apiserver/engine/engine.ts';
import type { Served } from '#apiserver/engine/resources.ts';
import type { RequestInfo, Target } from './request-info.ts';

/** A request for API objects, authenticated and authorized. */
export interface RestContext {
  readonly engine: Engine;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly info: RequestInfo;
  readonly target: Target;
  readonly served: Served;
  readonly attributes: ResourceAttributes;
  /** Texts for Warning headers. */
  readonly warnings: string[];
  /** Aborted when the server closes. */
  readonly signal: AbortSignal;
}

export function scopeOf({ attributes, warnings }: RestContext, dryRun: boolean): Scope {
  return { user: attributes.user, dryRun, warnings };
}

export function idOf({ served, target }: RestContext): ObjectId {
  return { served, namespace: served.kind.namespaced ? target.namespace : '', name: target.name };
}
