/** The two questions every request has to pass: who is it, and may they. */
import type { IncomingMessage } from 'node:http';

/** A user as authentication/v1 UserInfo, with the fields that authorization reads always present. */
export interface User {
  username: string;
  uid?: string | undefined;
  groups: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

/**
 * `absent`: the request carries no credentials of this kind, ask the next authenticator.
 * `rejected`: it carries some, and they are wrong: 401 unless another authenticator accepts the request.
 */
export type AuthenticationResult =
  | { kind: 'authenticated'; user: User; audiences?: readonly string[] | undefined }
  | { kind: 'absent' }
  | { kind: 'rejected'; reason: string };

export interface Authenticator {
  authenticate(request: IncomingMessage): Promise<AuthenticationResult> | AuthenticationResult;
}

/** A bearer token alone, without a request: what TokenReview asks. No `audiences` means the API server's own. */
export interface TokenAuthenticator {
  authenticateToken(
    token: string,
    audiences?: readonly string[],
  ): Promise<AuthenticationResult> | AuthenticationResult;
}

/** What is asked for. Empty strings mean "none": no namespace, no name, no subresource, the core group. */
export type RequestAttributes = ResourceAttributes | NonResourceAttributes;

export interface ResourceAttributes {
  kind: 'resource';
  user: User;
  /** get, list, watch, create, update, patch, delete, deletecollection, or a special one (impersonate, bind, …). */
  verb: string;
  group: string;
  version: string;
  /** Plural, lower case. */
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
}

export interface NonResourceAttributes {
  kind: 'nonResource';
  user: User;
  /** The lower-case HTTP method. */
  verb: string;
  path: string;
}

export interface Decision {
  allowed: boolean;
  /** Which rule allowed it, or what went wrong; shown by SubjectAccessReview and in 403 messages. May be empty. */
  reason: string;
}

/** Answers from memory, hence at once. */
export interface Authorizer {
  authorize(attributes: RequestAttributes): Decision;
}
