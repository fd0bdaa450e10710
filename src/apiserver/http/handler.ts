import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { badRequest, noSuchResource } from '#api/machinery/status-error.ts';
import type { Access } from '#apiserver/auth/access.ts';
import type { RequestAttributes, ResourceAttributes, User } from '#apiserver/auth/types.ts';
import type { Engine } from '#apiserver/engine/engine.ts';
import { isServedGroup, type Served } from '#apiserver/engine/resources.ts';
import type { ConnectContext, Connector, VirtualCreates } from '#apiserver/hooks.ts';
import { encodeError } from '#apiserver/rest/media.ts';
import { methodNotAllowed } from '#apiserver/rest/not-allowed.ts';
import { type RequestInfo, requestInfo, type Target } from '#apiserver/rest/request-info.ts';
import { resourceAt } from '#apiserver/rest/resource-at.ts';
import { type Answer, errorAnswer, send, textAnswer, warn } from '#apiserver/rest/respond.ts';
import { serveObjects } from '#apiserver/rest/serve.ts';
import { serveVirtual } from '#apiserver/rest/virtual.ts';
import type { Metrics } from './metrics.ts';
import type { NonResource } from './nonresource.ts';

export interface HandlerParts {
  readonly engine: Engine;
  readonly access: Access;
  readonly connector: Connector | undefined;
  readonly virtualCreates: VirtualCreates;
  readonly nonResource: NonResource;
  readonly metrics: Metrics;
  /** Aborted when the server closes. */
  readonly signal: AbortSignal;
}

const CONNECT = new Set(['log', 'exec', 'attach', 'portforward', 'proxy']);

/** A WebSocket can only be asked for with GET, but these do more than read. */
const NEEDS_CREATE = new Set(['exec', 'attach', 'portforward']);

/** Of all warnings of one answer together. */
const MAX_WARNINGS_LENGTH = 4096;

/** The way of every request: who, may they, what; then an answer or a Status that says why not. */
export class Handler {
  readonly #parts: HandlerParts;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const done = this.#parts.metrics.begin(request);
    response.once('close', () => done(response.statusCode));
    const warnings: string[] = [];
    let query: URLSearchParams | undefined;
    try {
      const info = readInfo(request);
      query = info.query;
      const user = await this.#parts.access.identify(request);
      const answer = await this.#serve(request, response, info, user, warnings);
      if (answer === undefined) return;
      addWarnings(response, warnings);
      await send(request, response, answer, info.query);
    } catch (error) {
      await this.#fail(request, response, error, warnings, query);
    }
  }

  /** A request to upgrade the connection; only connect subresources know that. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    endWith(this.#parts.signal, socket);
    try {
      const info = readInfo(request);
      const user = await this.#parts.access.identify(request);
      const attributes = attributesOf(info, user);
      this.#parts.access.authorize(attributes);
      const { target } = info;
      const served = target && resourceAt(target);
      if (attributes.kind !== 'resource' || target === undefined || served === undefined)
        throw noSuchResource();
      checkConnect(served, target, info);
      if (NEEDS_CREATE.has(target.subresource))
        this.#parts.access.authorize({ ...attributes, verb: 'create' });
      const context = this.#connectContext(attributes, info, target);
      await this.#connector(target).upgrade(request, socket, head, context);
    } catch (error) {
      refuseUpgrade(socket, errorAnswer(error));
    }
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    info: RequestInfo,
    user: User,
    warnings: string[],
  ): Promise<Answer | undefined> {
    const { access, engine, nonResource, signal } = this.#parts;
    const attributes = attributesOf(info, user);
    access.authorize(attributes);
    const { target } = info;
    if (target === undefined || attributes.kind !== 'resource') return nonResource(request, response, info);
    const served = resourceAt(target);
    if (served === undefined) return unknownResource(target);
    if (CONNECT.has(target.subresource)) {
      checkConnect(served, target, info);
      const context = this.#connectContext(attributes, info, target);
      await this.#connector(target).serve(request, response, context);
      return undefined;
    }
    const context = { engine, request, response, info, target, served, attributes, warnings, signal };
    const virtual = this.#parts.virtualCreates.get(virtualKey(served, target));
    if (virtual !== undefined) return serveVirtual(context, virtual);
    return serveObjects(context);
  }

  #connector(target: Target): Connector {
    const { connector } = this.#parts;
    if (connector === undefined || !CONNECT.has(target.subresource)) throw noSuchResource();
    return connector;
  }

  #connectContext(attributes: ResourceAttributes, info: RequestInfo, target: Target): ConnectContext {
    return {
      attributes,
      objects: this.#parts.engine.cache,
      query: info.query,
      pathTail: target.tail,
      signal: this.#parts.signal,
    };
  }

  async #fail(
    request: IncomingMessage,
    response: ServerResponse,
    error: unknown,
    warnings: readonly string[],
    query: URLSearchParams | undefined,
  ): Promise<void> {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    addWarnings(response, warnings);
    const answer = await encodeError(request, error);
    if (answer.code === 429) response.setHeader('retry-after', '10');
    // What is left of the body must be read before the connection can be used again.
    request.resume();
    await send(request, response, answer, query).catch(() => response.destroy());
  }
}

function readInfo(request: IncomingMessage): RequestInfo {
  try {
    return requestInfo(request.method ?? '', request.url ?? '/');
  } catch (error) {
    throw badRequest(`cannot read the path: ${String(error)}`);
  }
}

function attributesOf({ target, verb, path, nameForAccess }: RequestInfo, user: User): RequestAttributes {
  if (target === undefined) return { kind: 'nonResource', user, verb, path };
  const { group, version, resource, subresource, namespace } = target;
  return {
    kind: 'resource',
    user,
    verb,
    group,
    version,
    resource,
    subresource,
    namespace,
    name: nameForAccess,
  };
}

/** Throws 404 or 405 when the resource has no such connection, or not for this method. */
function checkConnect({ kind }: Served, { subresource }: Target, { verb, method }: RequestInfo): void {
  const fact = kind.subresources[subresource];
  if (fact === undefined) throw noSuchResource();
  // A proxy passes on also what is no verb of objects.
  const isOptions = subresource === 'proxy' && method === 'OPTIONS';
  if (!isOptions && !fact.verbs.includes(verb)) throw methodNotAllowed();
}

function virtualKey({ kind }: Served, { subresource }: Target): string {
  return subresource === '' ? kind.resource : `${kind.resource}/${subresource}`;
}

/** Within a group that is served, an unknown path is a Status; elsewhere it is nobody's. */
function unknownResource({ group, version }: Target): Answer {
  if (isServedGroup(group) || (group === '' && version !== '')) throw noSuchResource();
  return textAnswer(404, '404 page not found\n');
}

/** Texts that a body provokes by the thousand are cut off, as upstream: clients limit the size of headers. */
function addWarnings(response: ServerResponse, warnings: readonly string[]): void {
  if (response.headersSent) return;
  let left = MAX_WARNINGS_LENGTH;
  for (const text of new Set(warnings)) {
    if (left <= 0) return;
    warn(response, text.slice(0, left));
    left -= text.length;
  }
}

/** The HTTP server closes its own connections; one that is being upgraded is no longer among them. */
function endWith(signal: AbortSignal, socket: Duplex): void {
  const end = (): void => void socket.destroy();
  signal.addEventListener('abort', end);
  socket.once('close', () => signal.removeEventListener('abort', end));
}

/** The connection ends with the refusal, also when the client does not read it. */
function refuseUpgrade(socket: Duplex, { code, mediaType, body }: Answer): void {
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${code} Refused\r\ncontent-type: ${mediaType}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body.toString()}`,
  );
}
