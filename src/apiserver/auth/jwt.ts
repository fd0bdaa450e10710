/** JSON Web Tokens (RFC 7519) in compact form, signed with ES256 or RS256 (RFC 7518) by node:crypto. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

export type JwtAlgorithm = 'ES256' | 'RS256';

/** A key pair for tokens; `keyId` is derived from the public key, so it is the same in every process. */
export interface SigningKey {
  algorithm: JwtAlgorithm;
  keyId: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
}

export type JwtClaims = Readonly<Record<string, unknown>>;

/** Longer tokens are refused unread. */
const MAX_TOKEN_LENGTH = 16_384;

/** Takes a PEM private key, RSA or EC P-256. */
export function signingKey(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  const publicKey = createPublicKey(privateKey);
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const keyId = createHash('sha256').update(der).digest('base64url');
  return { algorithm: algorithmOf(publicKey), keyId, privateKey, publicKey };
}

export function signJwt(key: SigningKey, claims: JwtClaims): string {
  const header = encodeJson({ alg: key.algorithm, kid: key.keyId });
  const signed = `${header}.${encodeJson(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), {
    key: key.privateKey,
    // JWS wants r and s side by side, not in DER; RSA keys ignore this.
    dsaEncoding: 'ieee-p1363',
  });
  return `${signed}.${signature.toString('base64url')}`;
}

/** The claims if the token is well-formed and signed with the key; undefined otherwise. Times are not checked. */
export function verifyJwt(key: SigningKey, token: string): JwtClaims | undefined {
  if (token.length > MAX_TOKEN_LENGTH) {
    return undefined;
  }
  const [header, claims, signature, ...rest] = token.split('.');
  if (!header || !claims || !signature || rest.length > 0) {
    return undefined;
  }
  // The algorithm is the key's: what the header asks for must agree, never decide.
  if (decodeJson(header)?.['alg'] !== key.algorithm) {
    return undefined;
  }
  const genuine = verify(
    'sha256',
    Buffer.from(`${header}.${claims}`),
    { key: key.publicKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
  return genuine ? decodeJson(claims) : undefined;
}

/** The claims of a token, whoever signed it: only good for choosing who should verify it. */
export function readClaims(token: string): JwtClaims | undefined {
  const claims = token.length > MAX_TOKEN_LENGTH ? undefined : token.split('.')[1];
  return claims === undefined ? undefined : decodeJson(claims);
}

/** The public half as a JSON Web Key (RFC 7517). */
export function publicJwk(key: SigningKey): Readonly<Record<string, unknown>> {
  return { use: 'sig', ...key.publicKey.export({ format: 'jwk' }), kid: key.keyId, alg: key.algorithm };
}

function algorithmOf(key: KeyObject): JwtAlgorithm {
  if (key.asymmetricKeyType === 'rsa') {
    return 'RS256';
  }
  if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') {
    return 'ES256';
  }
  throw new Error(
    `service account key: ${key.asymmetricKeyType ?? 'unknown type'} cannot sign tokens; use RSA or EC P-256`,
  );
}

function encodeJson(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decodeJson(text: string): JwtClaims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as JwtClaims) : undefined;
  } catch {
    return undefined;
  }
}
