import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { TokenRequest } from '#api/authentication/v1.gen.ts';
import { isStatusError } from '#api/machinery/status-error.ts';
import type { HookContext } from '#apiserver/hooks.ts';
import { FakeReader } from './fake-reader.ts';
import { readClaims, signingKey, signJwt, verifyJwt } from './jwt.ts';
import { openIdDocuments } from './openid.ts';
import { ServiceAccountTokens } from './service-account-tokens.ts';
import { tokenRequests } from './token-request.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const pem = { type: 'pkcs8', format: 'pem' } as const;
const ecPem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(pem);
const rsaPem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pem);

describe('verifyJwt()', () => {
  for (const [algorithm, text] of [
    ['ES256', ecPem],
    ['RS256', rsaPem],
  ] as const) {
    const key = signingKey(text);

    it(`accepts what was signed with the ${algorithm} key and nothing changed`, () => {
      const token = signJwt(key, { sub: 'x', n: 1 });
      assert.equal(key.algorithm, algorithm);
      assert.deepEqual(verifyJwt(key, token), { sub: 'x', n: 1 });
      const [header, , signature] = token.split('.');
      const forged = Buffer.from('{"sub":"y","n":1}').toString('base64url');
      assert.equal(verifyJwt(key, `${header}.${forged}.${signature}`), undefined);
    });
  }

  it('refuses another key, another algorithm and no algorithm', () => {
    const key = signingKey(ecPem);
    const claims = Buffer.from('{"sub":"x"}').toString('base64url');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    assert.equal(verifyJwt(key, signJwt(signingKey(rsaPem), { sub: 'x' })), undefined);
    assert.equal(verifyJwt(key, `${none}.${claims}.`), undefined);
    assert.equal(verifyJwt(key, `${none}.${claims}.AAAA`), undefined);
  });

  it('never throws on arbitrary text', () => {
    const key = signingKey(ecPem);
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 4 }), (parts) => {
        assert.equal(verifyJwt(key, parts.join('.')), undefined);
        readClaims(parts.join('.'));
      }),
    );
  });
});

function setUp() {
  const objects = new FakeReader();
  let nowMs = 1_800_000_000_000;
  const tokens = new ServiceAccountTokens({
    key: signingKey(ecPem),
    issuer: ISSUER,
    objects,
    now: () => nowMs,
  });
  objects.put('serviceaccounts', { metadata: { namespace: 'a', name: 'robot', uid: 'uid-1' } });
  const pod = {
    metadata: { namespace: 'a', name: 'p', uid: 'uid-2' },
    spec: { serviceAccountName: 'robot', nodeName: 'n1' },
  };
  objects.put('pods', pod);
  const request = (spec: TokenRequest['spec'], name = 'robot') => {
    const attributes = { namespace: 'a', name } as HookContext['attributes'];
    return tokenRequests(tokens).get('serviceaccounts/token')!({ spec } as object, {
      attributes,
      objects,
      dryRun: false,
    }) as TokenRequest;
  };
  return { objects, tokens, request, wait: (seconds: number) => (nowMs += seconds * 1000) };
}

describe('tokens of service accounts', () => {
  it('make their account the user, until they expire', () => {
    const { tokens, request, wait } = setUp();
    const { spec, status } = request({});
    assert.deepEqual([spec?.expirationSeconds, spec?.audiences], [3600, [ISSUER]]);
    assert.equal(status?.expirationTimestamp, '2027-01-15T09:00:00Z');
    const result = tokens.authenticateToken(status?.token ?? '');
    assert.equal(result.kind, 'authenticated');
    assert.deepEqual(result.kind === 'authenticated' && { ...result.user, extra: undefined }, {
      username: 'system:serviceaccount:a:robot',
      uid: 'uid-1',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:a'],
      extra: undefined,
    });
    wait(3600);
    assert.deepEqual(tokens.authenticateToken(status?.token ?? ''), {
      kind: 'rejected',
      reason: 'token has expired',
    });
  });

  it('are good for their audiences only', () => {
    const { tokens, request } = setUp();
    const token = request({ audiences: ['x', 'y'] }).status?.token ?? '';
    assert.equal(tokens.authenticateToken(token).kind, 'rejected');
    const result = tokens.authenticateToken(token, ['y', 'z']);
    assert.deepEqual(result.kind === 'authenticated' && result.audiences, ['y']);
  });

  it('die with their account, also when another one of the name comes', () => {
    const { objects, tokens, request } = setUp();
    const token = request({}).status?.token ?? '';
    objects.put('serviceaccounts', { metadata: { namespace: 'a', name: 'robot', uid: 'uid-9' } });
    assert.equal(tokens.authenticateToken(token).kind, 'rejected');
  });

  it('bound to a pod carry the pod and its node, and die with the pod', () => {
    const { objects, tokens, request } = setUp();
    const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'p' };
    const token = request({ boundObjectRef }).status?.token ?? '';
    assert.deepEqual(readClaims(token)?.['kubernetes.io'], {
      namespace: 'a',
      serviceaccount: { name: 'robot', uid: 'uid-1' },
      pod: { name: 'p', uid: 'uid-2' },
      node: { name: 'n1', uid: '' },
    });
    const result = tokens.authenticateToken(token);
    assert.deepEqual(
      result.kind === 'authenticated' && result.user.extra?.['authentication.kubernetes.io/pod-name'],
      ['p'],
    );
    objects.remove('pods', 'a', 'p');
    assert.equal(tokens.authenticateToken(token).kind, 'rejected');
  });

  it('bound to a pod that should be gone for long die before it does', () => {
    const { objects, tokens, request, wait } = setUp();
    const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'p' };
    const token = request({ boundObjectRef }).status?.token ?? '';
    const deletionTimestamp = '2027-01-15T08:00:00Z';
    objects.put('pods', { metadata: { namespace: 'a', name: 'p', uid: 'uid-2', deletionTimestamp } });
    assert.equal(tokens.authenticateToken(token).kind, 'authenticated');
    wait(61);
    assert.equal(tokens.authenticateToken(token).kind, 'rejected');
  });

  it('bound to a node die with the node', () => {
    const { objects, tokens, request } = setUp();
    objects.put('nodes', { metadata: { name: 'n1', uid: 'uid-3' } });
    const boundObjectRef = { kind: 'Node', apiVersion: 'v1', name: 'n1' };
    const token = request({ boundObjectRef }).status?.token ?? '';
    assert.equal(tokens.authenticateToken(token).kind, 'authenticated');
    objects.remove('nodes', undefined, 'n1');
    assert.equal(tokens.authenticateToken(token).kind, 'rejected');
  });

  it('are refused where the request makes no sense', () => {
    const { objects, request } = setUp();
    const boundTo = (name: string) => ({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name } });
    objects.put('pods', {
      metadata: { namespace: 'a', name: 'q', uid: 'u' },
      spec: { serviceAccountName: 'other' },
    } as object);
    const code = (spec: TokenRequest['spec'], name?: string) => {
      try {
        request(spec, name);
        return 201;
      } catch (error) {
        return isStatusError(error) ? error.code : error;
      }
    };
    assert.equal(code({}, 'nobody'), 404);
    assert.equal(code({ expirationSeconds: 60 }), 422);
    assert.equal(code({ expirationSeconds: 2 ** 32 + 1 }), 422);
    assert.equal(code({ expirationSeconds: 600 }), 201);
    assert.equal(code(boundTo('none')), 404);
    assert.equal(code(boundTo('q')), 400);
    assert.equal(code({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'other' } }), 409);
  });

  it('of another issuer are left to others', () => {
    const { tokens } = setUp();
    const token = signJwt(signingKey(ecPem), { iss: 'https://elsewhere' });
    assert.deepEqual(tokens.authenticateToken(token), { kind: 'absent' });
    assert.deepEqual(tokens.authenticateToken('no token at all'), { kind: 'absent' });
  });
});

describe('openIdDocuments()', () => {
  it('publish the key that verifies the tokens, without its private half', () => {
    const key = signingKey(ecPem);
    const documents = openIdDocuments(ISSUER, key);
    const [jwk] = (
      JSON.parse(documents.get('/openid/v1/jwks')?.body ?? '') as { keys: Record<string, string>[] }
    ).keys;
    assert.deepEqual(Object.keys(jwk ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    const { jwks_uri: uri } = JSON.parse(documents.get('/.well-known/openid-configuration')?.body ?? '') as {
      jwks_uri: string;
    };
    assert.equal(uri, `${ISSUER}/openid/v1/jwks`);
  });
});
