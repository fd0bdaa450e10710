import type { IncomingMessage } from 'node:http';

/** Who makes a request, as authentication found out. */
export interface User {
  readonly name: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

/**
 * Finds out who makes a request. Anonymous requests are a user too (`system:anonymous`);
 * undefined means that credentials were given and are not good: 401.
 */
export interface Authenticator {
  authenticate(request: IncomingMessage): Promise<User | undefined>;
}

/** What a request wants to do, in the words of RBAC. */
export interface Attributes {
  readonly user: User;
  /** `get list watch create update patch delete deletecollection …`, or the lower-case HTTP method of a non-resource request. */
  readonly verb: string;
  /** Path of the URL, without the query. */
  readonly path: string;
  /** Present for requests for API objects, absent for all other paths. */
  readonly resource?: ResourceAttributes | undefined;
}

export interface ResourceAttributes {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, e.g. `pods`. */
  readonly resource: string;
  readonly subresource?: string | undefined;
  /** Absent for cluster-scoped objects and for requests over all namespaces. */
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

export interface Decision {
  readonly allowed: boolean;
  readonly reason?: string | undefined;
}

/** Decides whether a request is allowed. */
export interface Authorizer {
  authorize(attributes: Attributes): Decision | Promise<Decision>;
}
