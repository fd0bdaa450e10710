import type { Pod } from '#api/core/v1.gen.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import type { User } from '#apiserver/auth/types.ts';
import type { Served } from '#apiserver/engine/resources.ts';

/** One write, before it is prepared, validated and stored. */
export interface Operation {
  readonly operation: 'create' | 'update' | 'delete';
  readonly served: Served;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  readonly user: User;
  readonly dryRun: boolean;
  /** Texts for Warning headers go here. */
  readonly warnings: string[];
  /** The wanted object, to be changed in place; absent when it is deleted. */
  readonly object?: KubeObject | undefined;
  readonly old?: KubeObject | undefined;
}

/** Looks at a write, may change its object, and throws StatusError to refuse it. */
export type AdmissionPlugin = (operation: Operation) => void | Promise<void>;

/** The pod that an operation creates or (itself, not a part of it) updates; undefined for everything else. */
export function writtenPod(operation: Operation): { pod: Pod; old: Pod | undefined } | undefined {
  const { served, subresource, object, old } = operation;
  if (object === undefined || subresource !== '' || served.kind.resource !== 'pods') return undefined;
  return { pod: object, old };
}

/** The pod that an operation creates. */
export function createdPod(operation: Operation): Pod | undefined {
  return operation.operation === 'create' ? writtenPod(operation)?.pod : undefined;
}
