import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { KUBERNETES_VERSION } from '#api/machinery/schema.ts';
import { noSuchResource, notAcceptable } from '#api/machinery/status-error.ts';
import { groupDiscoveryList } from '#apiserver/discovery/aggregated.ts';
import { apiGroup, coreVersions, groupList, resourceList } from '#apiserver/discovery/legacy.ts';
import { isServedGroup } from '#apiserver/engine/resources.ts';
import { negotiate, parseAccept } from '#apiserver/rest/negotiate.ts';
import { methodNotAllowed } from '#apiserver/rest/not-allowed.ts';
import type { RequestInfo } from '#apiserver/rest/request-info.ts';
import { type Answer, jsonAnswer, textAnswer } from '#apiserver/rest/respond.ts';
import { health } from './health.ts';
import type { Metrics } from './metrics.ts';
import { openApi } from './openapi.ts';

/** Serves every path that is not about an API object. */
export type NonResource = (
  request: IncomingMessage,
  response: ServerResponse,
  info: RequestInfo,
) => Promise<Answer>;

export interface NonResourceParts {
  readonly metrics: Metrics;
  /** host:port that discovery tells clients. */
  readonly address: () => string;
  readonly storageWorks: () => boolean;
  /** Path -> JSON document: the keys of service account tokens. */
  readonly documents: ReadonlyMap<string, { readonly contentType: string; readonly body: string }>;
}

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

export function nonResourceHandler(parts: NonResourceParts): NonResource {
  return async (request, response, info) => {
    const path = info.path.length > 1 ? info.path.replace(/\/$/, '') : info.path;
    const checked = health(path, info.query, parts.storageWorks);
    if (checked !== undefined) {
      response.setHeader('x-content-type-options', 'nosniff');
      return checked;
    }
    if (path === '/api' || path === '/apis') return root(request, response, path, parts.address());
    if (/^\/apis?\//.test(path)) return groupOrVersion(request, info, path);
    if (path.startsWith('/openapi/')) return openApi(request, response, path);
    return document(request, path, parts) ?? textAnswer(404, '404 page not found\n');
  };
}

function document(
  request: IncomingMessage,
  path: string,
  { metrics, documents }: NonResourceParts,
): Answer | undefined {
  const { method } = request;
  const known = documents.get(path);
  if (known !== undefined && !accepts(request, known.contentType)) throw notAcceptable([known.contentType]);
  if (known !== undefined) return { code: 200, mediaType: known.contentType, body: Buffer.from(known.body) };
  if (path === '/metrics')
    return {
      code: 200,
      mediaType: 'text/plain; version=0.0.4; charset=utf-8',
      body: Buffer.from(metrics.text()),
    };
  if (path === '/')
    return jsonAnswer(200, {
      paths: [
        '/api',
        '/api/v1',
        '/apis',
        '/healthz',
        '/livez',
        '/metrics',
        '/openapi/v3',
        '/readyz',
        '/version',
      ],
    });
  if (path !== '/version') return undefined;
  if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed();
  return jsonAnswer(200, version());
}

function accepts({ headers }: IncomingMessage, type: string): boolean {
  return parseAccept(headers.accept ?? '*/*').some((clause) => clause.type === type || clause.type === '*/*');
}

function version(): Record<string, string> {
  const [major = '', minor = ''] = KUBERNETES_VERSION.slice(1).split('.');
  return {
    major,
    minor,
    emulationMajor: major,
    emulationMinor: minor,
    minCompatibilityMajor: major,
    minCompatibilityMinor: String(Number(minor) - 1),
    gitVersion: KUBERNETES_VERSION,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: 'portolan',
    platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}

/** /api and /apis: the old form, or everything at once for clients that ask for it. Upstream looks at no method here. */
function root(request: IncomingMessage, response: ServerResponse, path: string, address: string): Answer {
  response.setHeader('vary', 'Accept');
  const accept = request.headers.accept ?? '';
  const wants = (clause: string): boolean =>
    /as=APIGroupDiscoveryList/.test(clause) &&
    /v=v2(;|$)/.test(clause) &&
    /g=apidiscovery\.k8s\.io/.test(clause);
  if (accept.split(',').some((clause) => wants(clause.replaceAll(' ', '')))) {
    const answer = jsonAnswer(200, groupDiscoveryList(path === '/api', 'v2'));
    return tagged(request, response, { ...answer, mediaType: AGGREGATED });
  }
  response.removeHeader('vary');
  negotiate(accept, () => false);
  return jsonAnswer(200, path === '/api' ? coreVersions(address) : groupList());
}

/** An answer with its hash as ETag; 304 when the client has it. */
export function tagged(request: IncomingMessage, response: ServerResponse, answer: Answer): Answer {
  const etag = `"${createHash('sha512').update(answer.body).digest('hex').toUpperCase()}"`;
  response.setHeader('etag', etag);
  return request.headers['if-none-match'] === etag ? { ...answer, code: 304, body: Buffer.alloc(0) } : answer;
}

function groupOrVersion(request: IncomingMessage, info: RequestInfo, path: string): Answer {
  const [, root, first = '', second] = path.split('/');
  const [group, version] = root === 'api' ? ['', first] : [first, second];
  if (group !== '' && !isServedGroup(group)) return textAnswer(404, '404 page not found\n');
  if (version !== undefined && !isServedGroup(group, version)) throw noSuchResource();
  if (info.method !== 'GET') throw methodNotAllowed();
  negotiate(request.headers.accept, () => false);
  return jsonAnswer(200, version === undefined ? apiGroup(group) : resourceList(group, version));
}
