import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { KubeObject } from '#api/machinery/object.ts';
import type { ResourceAttributes } from '#apiserver/auth/types.ts';
import type { ObjectReader } from './reader.ts';

/** What a virtual resource is told about its request. */
export interface HookContext {
  /** Who asks for what; `attributes.user` is the user. */
  readonly attributes: ResourceAttributes;
  readonly objects: ObjectReader;
  readonly dryRun: boolean;
}

/**
 * Answers a create of something that is computed instead of stored (SubjectAccessReview,
 * TokenReview, `serviceaccounts/token`, …). Gets the decoded object, returns the one to send;
 * throws `StatusError`.
 */
export type VirtualCreate = (object: KubeObject, context: HookContext) => KubeObject | Promise<KubeObject>;

/** By resource name: `selfsubjectaccessreviews.authorization.k8s.io`, `serviceaccounts/token`. */
export type VirtualCreates = ReadonlyMap<string, VirtualCreate>;

/** A request for one of the connect subresources (log, exec, attach, portforward, proxy). */
export interface ConnectContext {
  readonly attributes: ResourceAttributes;
  readonly objects: ObjectReader;
  readonly query: URLSearchParams;
  /** What follows `…/proxy` in the path, with its leading slash; empty without. */
  readonly pathTail: string;
  /** Aborted when the server closes. */
  readonly signal: AbortSignal;
}

/** Serves connect subresources. Authentication and authorization are done. Throws `StatusError` before the first byte. */
export interface Connector {
  serve(request: IncomingMessage, response: ServerResponse, context: ConnectContext): Promise<void>;
  /** A request with `Connection: Upgrade` (WebSocket, SPDY). The connector owns the socket from here on. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, context: ConnectContext): Promise<void>;
}
