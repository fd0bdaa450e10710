/** Everything about access in one piece: what the API server asks before it serves a request. */
import type { IncomingMessage } from 'node:http';
import { badRequest, unauthorized } from '#api/machinery/status-error.ts';
import type { VirtualCreates } from '#apiserver/hooks.ts';
import type { ObjectReader } from '#apiserver/reader.ts';
import { accessReviews } from './access-reviews.ts';
import {
  AnyToken,
  authenticateRequest,
  BearerTokens,
  ClientCertificates,
  StaticTokens,
} from './authenticators.ts';
import { type EscalationCheck, escalationCheck } from './escalation.ts';
import { identityReviews } from './identity-reviews.ts';
import { signingKey } from './jwt.ts';
import { type OpenIdDocument, openIdDocuments } from './openid.ts';
import { forbiddenError } from './plan-forbidden.ts';
import { planImpersonation } from './plan-impersonation.ts';
import { RbacAuthorizer } from './rbac-authorizer.ts';
import { ServiceAccountTokens } from './service-account-tokens.ts';
import { tokenRequests } from './token-request.ts';
import type { Authorizer, RequestAttributes, User } from './types.ts';

export const DEFAULT_ISSUER = 'https://kubernetes.default.svc.cluster.local';

export interface AccessConfig {
  objects: ObjectReader;
  /** PEM private key that signs service account tokens. */
  serviceAccountKey: string;
  issuer?: string | undefined;
  staticTokens?: ReadonlyMap<string, User> | undefined;
  authorizationMode?: 'RBAC' | 'AlwaysAllow' | undefined;
}

export interface Access extends Disposable {
  /** The user that the request acts as, impersonation included. Throws a 401, 403 or 400 StatusError. */
  identify(request: IncomingMessage): Promise<User>;
  /** Throws a 403 StatusError in upstream's words. */
  authorize(attributes: RequestAttributes): void;
  authorizer: Authorizer;
  tokens: ServiceAccountTokens;
  /** Access reviews, token reviews, token requests. */
  virtualCreates: VirtualCreates;
  /** Path -> document. */
  openIdDocuments: ReadonlyMap<string, OpenIdDocument>;
  /** To be called before a role or binding is written. */
  checkEscalation: EscalationCheck;
}

const ALWAYS_ALLOW: Authorizer = { authorize: () => ({ allowed: true, reason: '' }) };

export function createAccess(config: AccessConfig): Access {
  const { objects, issuer = DEFAULT_ISSUER, staticTokens = new Map<string, User>() } = config;
  const key = signingKey(config.serviceAccountKey);
  const tokens = new ServiceAccountTokens({ key, issuer, objects });
  const anyToken = new AnyToken([new StaticTokens(staticTokens, tokens.defaultAudiences), tokens]);
  const authenticators = [new ClientCertificates(), new BearerTokens(anyToken)];
  const rbac = config.authorizationMode === 'AlwaysAllow' ? undefined : new RbacAuthorizer(objects);
  const authorizer = rbac ?? ALWAYS_ALLOW;

  const authorize = (attributes: RequestAttributes): void => {
    const { allowed, reason } = authorizer.authorize(attributes);
    if (!allowed) {
      throw forbiddenError(attributes, reason);
    }
  };

  return {
    async identify(request) {
      const user = await authenticateRequest(authenticators, request);
      if (!user) {
        throw unauthorized();
      }
      return impersonate(request, user, authorize);
    },
    authorize,
    authorizer,
    tokens,
    virtualCreates: new Map([
      ...accessReviews(authorizer, rbac),
      ...identityReviews(anyToken),
      ...tokenRequests(tokens),
    ]),
    openIdDocuments: openIdDocuments(issuer, key),
    checkEscalation: rbac ? escalationCheck(authorizer, rbac) : () => {},
    [Symbol.dispose]: () => rbac?.[Symbol.dispose](),
  };
}

function impersonate(
  request: IncomingMessage,
  user: User,
  authorize: (attributes: RequestAttributes) => void,
): User {
  if (!Object.keys(request.headers).some((name) => name.startsWith('impersonate-'))) {
    return user;
  }
  const plan = planImpersonation(request.headersDistinct, user);
  if (plan.kind === 'bad') {
    throw badRequest(plan.message);
  }
  if (plan.kind === 'none') {
    return user;
  }
  plan.required.forEach(authorize);
  return plan.user;
}
