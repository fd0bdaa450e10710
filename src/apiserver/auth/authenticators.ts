/** Who sends a request: by client certificate, by bearer token, or nobody in particular. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { AuthenticationResult, Authenticator, TokenAuthenticator, User } from './types.ts';

export const ANONYMOUS: User = { username: 'system:anonymous', groups: ['system:unauthenticated'] };
const AUTHENTICATED = 'system:authenticated';

/** Browsers cannot set headers on WebSockets: the token comes as a subprotocol, base64url without padding. */
const WEBSOCKET_TOKEN_PREFIX = 'base64url.bearer.authorization.k8s.io.';

/**
 * The common name is the user, the organizations are the groups. The server must ask for certificates and not
 * reject what it cannot verify (`requestCert: true, rejectUnauthorized: false`).
 */
export class ClientCertificates implements Authenticator {
  /** A connection carries many requests. */
  readonly #results = new WeakMap<TLSSocket, AuthenticationResult>();

  authenticate({ socket }: IncomingMessage): AuthenticationResult {
    if (!(socket instanceof TLSSocket)) {
      return { kind: 'absent' };
    }
    let result = this.#results.get(socket);
    if (!result) {
      result = authenticateSocket(socket);
      this.#results.set(socket, result);
    }
    return result;
  }
}

function authenticateSocket(socket: TLSSocket): AuthenticationResult {
  const certificate = socket.getPeerCertificate();
  // Without a certificate Node gives an empty object, or null once the connection is gone.
  if (!certificate?.raw) {
    return { kind: 'absent' };
  }
  if (!socket.authorized) {
    return { kind: 'rejected', reason: `client certificate: ${String(socket.authorizationError)}` };
  }
  const { CN: username, O: groups } = certificate.subject as Record<string, string | string[] | undefined>;
  if (typeof username !== 'string' || username === '') {
    return { kind: 'absent' };
  }
  const hash = createHash('sha256').update(certificate.raw).digest('hex');
  const user: User = {
    username,
    groups: groups === undefined ? [] : [groups].flat(),
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${hash}`] },
  };
  return { kind: 'authenticated', user };
}

/** Hands the bearer token of a request to whoever knows tokens. A token that nobody knows is wrong. */
export class BearerTokens implements Authenticator {
  readonly #tokens: TokenAuthenticator;

  constructor(tokens: TokenAuthenticator) {
    this.#tokens = tokens;
  }

  async authenticate(request: IncomingMessage): Promise<AuthenticationResult> {
    const token = bearerToken(request);
    if (token === undefined) {
      return { kind: 'absent' };
    }
    const result = await this.#tokens.authenticateToken(token);
    return result.kind === 'absent' ? { kind: 'rejected', reason: 'invalid bearer token' } : result;
  }
}

/** The token of the Authorization header or of a WebSocket's subprotocol. */
export function bearerToken(request: IncomingMessage): string | undefined {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() === 'bearer' && token) {
    return token;
  }
  const protocols = request.headers['sec-websocket-protocol']?.split(',') ?? [];
  const carrier = protocols.find((protocol) => protocol.trim().startsWith(WEBSOCKET_TOKEN_PREFIX));
  return carrier && Buffer.from(carrier.trim().slice(WEBSOCKET_TOKEN_PREFIX.length), 'base64url').toString();
}

/** Tokens that are good without further check, until the server stops. They have no audience of their own. */
export class StaticTokens implements TokenAuthenticator {
  readonly #users: ReadonlyMap<string, User>;
  readonly #audiences: readonly string[];

  constructor(users: ReadonlyMap<string, User>, audiences: readonly string[]) {
    this.#users = new Map([...users].map(([token, user]) => [digest(token), user]));
    this.#audiences = audiences;
  }

  authenticateToken(token: string, audiences: readonly string[] = this.#audiences): AuthenticationResult {
    // Looked up by digest, so that the time it takes tells nothing about a token.
    const user = this.#users.get(digest(token));
    const common = audiences.filter((audience) => this.#audiences.includes(audience));
    return user && common.length > 0
      ? { kind: 'authenticated', user, audiences: common }
      : { kind: 'absent' };
  }
}

/** The first that recognizes the token decides; if none does, the first refusal. */
export class AnyToken implements TokenAuthenticator {
  readonly #members: readonly TokenAuthenticator[];

  constructor(members: readonly TokenAuthenticator[]) {
    this.#members = members;
  }

  async authenticateToken(token: string, audiences?: readonly string[]): Promise<AuthenticationResult> {
    return await firstResult(this.#members.map((member) => () => member.authenticateToken(token, audiences)));
  }
}

/**
 * Asks all in turn. Without any credentials the request is anonymous; whoever is recognized also belongs to
 * system:authenticated. Undefined if credentials were shown and none was good: 401.
 */
export async function authenticateRequest(
  authenticators: readonly Authenticator[],
  request: IncomingMessage,
): Promise<User | undefined> {
  const result = await firstResult(
    authenticators.map((authenticator) => () => authenticator.authenticate(request)),
  );
  if (result.kind === 'authenticated') {
    return asAuthenticated(result.user);
  }
  return result.kind === 'absent' ? ANONYMOUS : undefined;
}

export function asAuthenticated(user: User): User {
  return user.groups.includes(AUTHENTICATED) ? user : { ...user, groups: [...user.groups, AUTHENTICATED] };
}

async function firstResult(
  questions: readonly (() => Promise<AuthenticationResult> | AuthenticationResult)[],
): Promise<AuthenticationResult> {
  let answer: AuthenticationResult = { kind: 'absent' };
  for (const ask of questions) {
    const result = await ask();
    if (result.kind === 'authenticated') {
      return result;
    }
    if (result.kind === 'rejected' && answer.kind === 'absent') {
      answer = result;
    }
  }
  return answer;
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
