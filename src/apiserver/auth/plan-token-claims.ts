/** What stands in a service account token, and what user it makes. Claims and extra keys are upstream's. */
import { serviceAccountGroups, serviceAccountUser } from './plan-rbac.ts';
import type { User } from './types.ts';

export interface ObjectIdentity {
  name: string;
  uid: string;
}

/** The private claim `kubernetes.io`. A token bound to a pod dies with the pod. */
export interface BoundObjects {
  namespace: string;
  serviceaccount: ObjectIdentity;
  pod?: ObjectIdentity | undefined;
  secret?: ObjectIdentity | undefined;
  node?: ObjectIdentity | undefined;
}

export interface TokenClaims {
  iss: string;
  sub: string;
  aud: readonly string[];
  /** Seconds since the epoch, as all times here. */
  exp: number;
  iat: number;
  nbf: number;
  jti: string;
  'kubernetes.io': BoundObjects;
}

export interface ClaimsInput {
  issuer: string;
  audiences: readonly string[];
  lifetimeSeconds: number;
  nowSeconds: number;
  tokenId: string;
  bound: BoundObjects;
}

export function tokenClaims(input: ClaimsInput): TokenClaims {
  const { bound, nowSeconds } = input;
  return {
    aud: input.audiences,
    exp: nowSeconds + input.lifetimeSeconds,
    iat: nowSeconds,
    iss: input.issuer,
    jti: input.tokenId,
    'kubernetes.io': bound,
    nbf: nowSeconds,
    sub: serviceAccountUser(bound.namespace, bound.serviceaccount.name),
  };
}

/** Undefined if something that every token of ours has is missing or of another type. */
export function parseClaims(claims: Readonly<Record<string, unknown>>): TokenClaims | undefined {
  const { iss, sub, aud, exp, iat, nbf, jti } = claims;
  const bound = claims['kubernetes.io'];
  const audiences = typeof aud === 'string' ? [aud] : aud;
  if (
    typeof iss !== 'string' ||
    typeof sub !== 'string' ||
    typeof exp !== 'number' ||
    !isTexts(audiences) ||
    !isBound(bound) ||
    sub !== serviceAccountUser(bound.namespace, bound.serviceaccount.name)
  ) {
    return undefined;
  }
  return {
    iss,
    sub,
    aud: audiences,
    exp,
    iat: typeof iat === 'number' ? iat : 0,
    nbf: typeof nbf === 'number' ? nbf : 0,
    jti: typeof jti === 'string' ? jti : '',
    'kubernetes.io': bound,
  };
}

/** Why the token is not good now; undefined if it is. Which of its objects still exist is not asked here. */
export function claimsProblem(claims: TokenClaims, issuer: string, nowSeconds: number): string | undefined {
  if (claims.iss !== issuer) {
    return `token issued by ${claims.iss}, not by ${issuer}`;
  }
  if (nowSeconds >= claims.exp) {
    return 'token has expired';
  }
  return nowSeconds < claims.nbf ? 'token is not valid yet' : undefined;
}

export function tokenUser(claims: TokenClaims): User {
  const { namespace, serviceaccount, pod, node } = claims['kubernetes.io'];
  const extra: Record<string, string[]> = {};
  const add = (key: string, value: string | undefined) => {
    if (value) {
      extra[`authentication.kubernetes.io/${key}`] = [value];
    }
  };
  add('credential-id', claims.jti && `JTI=${claims.jti}`);
  add('node-name', node?.name);
  add('node-uid', node?.uid);
  add('pod-name', pod?.name);
  add('pod-uid', pod?.uid);
  return {
    username: claims.sub,
    uid: serviceaccount.uid,
    groups: serviceAccountGroups(namespace),
    extra,
  };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isBound(value: unknown): value is BoundObjects {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const { namespace, serviceaccount, pod, secret, node } = value as Partial<
    Record<keyof BoundObjects, unknown>
  >;
  return (
    typeof namespace === 'string' &&
    isIdentity(serviceaccount) &&
    [pod, secret, node].every((object) => object === undefined || isIdentity(object))
  );
}

function isIdentity(value: unknown): value is ObjectIdentity {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    'uid' in value &&
    typeof value.name === 'string' &&
    typeof value.uid === 'string'
  );
}
