/** Issues tokens for service accounts and recognizes them again, as long as what they are bound to exists. */
import { randomUUID } from 'node:crypto';
import type { KubeObject } from '#api/machinery/object.ts';
import type { ObjectReader } from '#apiserver/reader.ts';
import { readClaims, type SigningKey, signJwt, verifyJwt } from './jwt.ts';
import {
  type BoundObjects,
  claimsProblem,
  type ObjectIdentity,
  parseClaims,
  type TokenClaims,
  tokenClaims,
  tokenUser,
} from './plan-token-claims.ts';
import type { AuthenticationResult, TokenAuthenticator } from './types.ts';

export interface ServiceAccountTokensOptions {
  key: SigningKey;
  issuer: string;
  objects: ObjectReader;
  /** Milliseconds since the epoch; a test's clock. */
  now?: (() => number) | undefined;
}

/** How long after its time an object that is being deleted still vouches for tokens. */
const LEAVE_MS = 60_000;

/** Verified tokens that are remembered, since a client shows the same one with every request. */
const REMEMBERED_TOKENS = 1_000;

export class ServiceAccountTokens implements TokenAuthenticator {
  readonly issuer: string;
  readonly #key: SigningKey;
  readonly #objects: ObjectReader;
  readonly #now: () => number;
  readonly #verified = new Map<string, TokenClaims>();

  constructor({ key, issuer, objects, now = Date.now }: ServiceAccountTokensOptions) {
    this.issuer = issuer;
    this.#key = key;
    this.#objects = objects;
    this.#now = now;
  }

  /** The audiences meant when a token is for the API server itself. */
  get defaultAudiences(): readonly string[] {
    return [this.issuer];
  }

  issue(
    bound: BoundObjects,
    audiences: readonly string[],
    lifetimeSeconds: number,
  ): { token: string; expires: Date } {
    const nowSeconds = Math.floor(this.#now() / 1000);
    const claims = tokenClaims({
      issuer: this.issuer,
      audiences,
      lifetimeSeconds,
      nowSeconds,
      tokenId: randomUUID(),
      bound,
    });
    return { token: signJwt(this.#key, { ...claims }), expires: new Date(claims.exp * 1000) };
  }

  authenticateToken(
    token: string,
    audiences: readonly string[] = this.defaultAudiences,
  ): AuthenticationResult {
    if (readClaims(token)?.['iss'] !== this.issuer) {
      return { kind: 'absent' };
    }
    const claims = this.#verify(token);
    if (!claims) {
      return { kind: 'rejected', reason: 'invalid bearer token' };
    }
    const common = audiences.filter((audience) => claims.aud.includes(audience));
    const problem =
      claimsProblem(claims, this.issuer, this.#now() / 1000) ??
      (common.length === 0 ? `token audiences [${claims.aud.join(' ')}] are others` : undefined) ??
      this.#missingObject(claims['kubernetes.io']);
    return problem === undefined
      ? { kind: 'authenticated', user: tokenUser(claims), audiences: common }
      : { kind: 'rejected', reason: problem };
  }

  #verify(token: string): TokenClaims | undefined {
    const known = this.#verified.get(token);
    if (known) {
      return known;
    }
    const claims = verifyJwt(this.#key, token);
    const parsed = claims && parseClaims(claims);
    if (parsed) {
      if (this.#verified.size >= REMEMBERED_TOKENS) {
        const [oldest = ''] = this.#verified.keys();
        this.#verified.delete(oldest);
      }
      this.#verified.set(token, parsed);
    }
    return parsed;
  }

  #missingObject(bound: BoundObjects): string | undefined {
    const checks: readonly [string, string | undefined, ObjectIdentity | undefined][] = [
      ['serviceaccounts', bound.namespace, bound.serviceaccount],
      ['pods', bound.namespace, bound.pod],
      ['secrets', bound.namespace, bound.secret],
      // With a pod the node is told for information only.
      ['nodes', undefined, bound.pod === undefined ? bound.node : undefined],
    ];
    for (const [resource, namespace, identity] of checks) {
      if (identity && !this.#lives(this.#objects.get(resource, namespace, identity.name), identity.uid)) {
        return `${resource} "${identity.name}" of the token no longer exists`;
      }
    }
    return undefined;
  }

  /** What should be gone for a minute, and is only held by a finalizer or a lost node, counts as gone. */
  #lives(object: KubeObject | undefined, uid: string): boolean {
    const { uid: actual, deletionTimestamp } = object?.metadata ?? {};
    if (actual !== uid) return false;
    return deletionTimestamp === undefined || this.#now() < Date.parse(deletionTimestamp) + LEAVE_MS;
  }
}
