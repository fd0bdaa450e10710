/** authentication.k8s.io: who a token belongs to, and who I am. */
import type { SelfSubjectReview, TokenReview, UserInfo } from '#api/authentication/v1.gen.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { badRequest } from '#api/machinery/status-error.ts';
import type { HookContext, VirtualCreate } from '#apiserver/hooks.ts';
import { asAuthenticated } from './authenticators.ts';
import type { TokenAuthenticator, User } from './types.ts';

export function identityReviews(tokens: TokenAuthenticator): ReadonlyMap<string, VirtualCreate> {
  async function tokenReview(object: KubeObject): Promise<KubeObject> {
    const review = object as TokenReview;
    const { token, audiences } = review.spec;
    if (!token) {
      throw badRequest('token is required for TokenReview in authentication');
    }
    const wanted = audiences?.length ? audiences : undefined;
    return { ...review, status: await statusOf(tokens, token, wanted) } as KubeObject;
  }

  return new Map<string, VirtualCreate>([
    ['tokenreviews.authentication.k8s.io', tokenReview],
    ['selfsubjectreviews.authentication.k8s.io', selfSubjectReview],
  ]);
}

function selfSubjectReview(object: KubeObject, { attributes }: HookContext): KubeObject {
  const review: SelfSubjectReview = { ...object, status: { userInfo: toUserInfo(attributes.user) } };
  return review;
}

async function statusOf(tokens: TokenAuthenticator, token: string, audiences: readonly string[] | undefined) {
  const result = await tokens.authenticateToken(token, audiences);
  switch (result.kind) {
    case 'authenticated':
      return {
        authenticated: true,
        user: toUserInfo(asAuthenticated(result.user)),
        ...(result.audiences && { audiences: [...result.audiences] }),
      };
    case 'rejected':
      return { user: {}, error: result.reason };
    default:
      return { user: {}, error: 'invalid bearer token' };
  }
}

function toUserInfo({ username, uid, groups, extra }: User): UserInfo {
  return {
    username,
    ...(uid !== undefined && { uid }),
    groups: [...groups],
    ...(extra && {
      extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])),
    }),
  };
}
