/** OpenID Connect discovery: how parties outside the cluster verify its service account tokens. */
import { publicJwk, type SigningKey } from './jwt.ts';

export interface OpenIdDocument {
  contentType: string;
  body: string;
}

/** Path -> document. */
export function openIdDocuments(issuer: string, key: SigningKey): ReadonlyMap<string, OpenIdDocument> {
  const configuration = {
    issuer,
    jwks_uri: new URL('/openid/v1/jwks', issuer).href,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [key.algorithm],
  };
  return new Map([
    [
      '/.well-known/openid-configuration',
      { contentType: 'application/json', body: JSON.stringify(configuration) },
    ],
    [
      '/openid/v1/jwks',
      { contentType: 'application/jwk-set+json', body: JSON.stringify({ keys: [publicJwk(key)] }) },
    ],
  ]);
}
