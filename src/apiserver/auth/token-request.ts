/** `serviceaccounts/NAME/token`: a token with a lifetime, an audience, and perhaps an object to live and die with. */
import type { TokenRequest, TokenRequestSpec } from '#api/authentication/v1.gen.ts';
import type { Pod } from '#api/core/v1.gen.ts';
import { type FieldError, invalid as invalidField } from '#api/machinery/field-error.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { badRequest, conflict, invalid, notFound } from '#api/machinery/status-error.ts';
import type { VirtualCreate } from '#apiserver/hooks.ts';
import type { ObjectReader } from '#apiserver/reader.ts';
import type { BoundObjects, ObjectIdentity } from './plan-token-claims.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';

const DEFAULT_LIFETIME_SECONDS = 3600;
const MIN_LIFETIME_SECONDS = 600;
const MAX_LIFETIME_SECONDS = 2 ** 32;

export function tokenRequests(tokens: ServiceAccountTokens): ReadonlyMap<string, VirtualCreate> {
  const create: VirtualCreate = (object, { attributes, objects, dryRun }) => {
    const request = object as TokenRequest;
    const { namespace, name } = attributes;
    const account = objects.get('serviceaccounts', namespace, name);
    if (!account) {
      throw notFound({ group: '', plural: 'serviceaccounts' }, name);
    }
    const spec = withDefaults(request.spec ?? {}, tokens.defaultAudiences);
    rejectLifetime(spec.expirationSeconds);
    const bound: BoundObjects = {
      namespace,
      serviceaccount: { name, uid: account.metadata?.uid ?? '' },
      ...boundObject(objects, namespace, name, spec),
    };
    const { token, expires } = tokens.issue(bound, spec.audiences, spec.expirationSeconds);
    const expirationTimestamp = expires.toISOString().replace('.000Z', 'Z');
    const answer: TokenRequest = {
      ...request,
      metadata: { ...request.metadata, name, namespace },
      spec,
      // A dry run shows what would come, without anything that could be used.
      status: { token: dryRun ? '' : token, expirationTimestamp },
    };
    return answer;
  };
  return new Map<string, VirtualCreate>([['serviceaccounts/token', create]]);
}

function withDefaults(spec: TokenRequestSpec, defaultAudiences: readonly string[]) {
  return {
    ...spec,
    audiences: spec.audiences?.length ? spec.audiences : [...defaultAudiences],
    expirationSeconds: spec.expirationSeconds ?? DEFAULT_LIFETIME_SECONDS,
  };
}

function rejectLifetime(seconds: number): void {
  const errors: FieldError[] = [];
  const field = 'spec.expirationSeconds';
  if (seconds < MIN_LIFETIME_SECONDS) {
    errors.push(invalidField(field, seconds, 'may not specify a duration less than 10 minutes'));
  }
  if (seconds > MAX_LIFETIME_SECONDS) {
    errors.push(invalidField(field, seconds, 'may not specify a duration larger than 2^32 seconds'));
  }
  if (errors.length > 0) {
    throw invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', errors);
  }
}

/** What `boundObjectRef` names, with the uid it has now. */
function boundObject(
  objects: ObjectReader,
  namespace: string,
  account: string,
  { boundObjectRef: reference }: TokenRequestSpec,
): Partial<BoundObjects> {
  if (!reference) {
    return {};
  }
  const { kind, apiVersion, name = '' } = reference;
  switch (apiVersion === 'v1' ? kind : undefined) {
    case 'Pod': {
      const pod: Pod = existing(objects, 'pods', namespace, name, reference.uid);
      if (pod.spec?.serviceAccountName !== account) {
        throw badRequest(
          `cannot bind token for serviceaccount "${account}" to pod running with different serviceaccount name.`,
        );
      }
      return { pod: identity(pod), ...nodeOf(objects, pod) };
    }
    case 'Node':
      return { node: identity(existing(objects, 'nodes', undefined, name, reference.uid)) };
    case 'Secret':
      return { secret: identity(existing(objects, 'secrets', namespace, name, reference.uid)) };
    default:
      throw badRequest(
        `cannot bind token to object of type ${apiVersion ?? ''}, Kind=${kind ?? ''}: must be one of v1 Pod, Node or Secret`,
      );
  }
}

/** The node is told for information; the token does not die with it. */
function nodeOf(objects: ObjectReader, pod: Pod): { node?: ObjectIdentity } {
  const name = pod.spec?.nodeName;
  if (!name) {
    return {};
  }
  return { node: { name, uid: objects.get('nodes', undefined, name)?.metadata?.uid ?? '' } };
}

function existing(
  objects: ObjectReader,
  plural: string,
  namespace: string | undefined,
  name: string,
  uid: string | undefined,
): KubeObject {
  const object = objects.get(plural, namespace, name);
  if (!object) {
    throw notFound({ group: '', plural }, name);
  }
  if (uid && uid !== object.metadata?.uid) {
    throw conflict(
      { group: '', plural },
      name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  return object;
}

function identity({ metadata }: KubeObject): ObjectIdentity {
  return { name: metadata?.name ?? '', uid: metadata?.uid ?? '' };
}
