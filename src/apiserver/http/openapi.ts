import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { noSuchResource, notImplemented } from '#api/machinery/status-error.ts';
import type { Answer } from '#apiserver/rest/respond.ts';

const PREFIX = '/openapi/v3';

interface Document {
  readonly body: Buffer;
  readonly hash: string;
}

const documents = new Map<string, Document>();

/** /openapi/v3: the index, and one document per group and version. Each is made when it is first asked for. */
export async function openApi(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<Answer> {
  if (path === '/openapi/v2') throw notImplemented('OpenAPI v2; use /openapi/v3');
  const { openApiDocument, openApiGroupVersions } = await import('#api/machinery/openapi-v3.ts');
  const load = (key: string): Document | undefined => {
    const known = documents.get(key);
    if (known !== undefined) return known;
    const document = openApiDocument(key);
    return document && remember(key, document);
  };
  if (path === PREFIX) {
    const urls = openApiGroupVersions().map((key) => [
      key,
      { serverRelativeURL: `${PREFIX}/${key}?hash=${hashOfKey(key)}` },
    ]);
    return answer(request, response, makeDocument({ paths: Object.fromEntries(urls) }));
  }
  const document = path.startsWith(`${PREFIX}/`) ? load(path.slice(PREFIX.length + 1)) : undefined;
  if (document === undefined) throw noSuchResource();
  return answer(request, response, document);
}

/** The documents follow from the schema alone: their key and this program's version say when they change. */
function hashOfKey(key: string): string {
  return hashOf(Buffer.from(`${process.version} ${key}`));
}

function remember(key: string, value: unknown): Document {
  const document = makeDocument(value);
  documents.set(key, document);
  return document;
}

function makeDocument(value: unknown): Document {
  const body = Buffer.from(JSON.stringify(value));
  return { body, hash: hashOf(body) };
}

function hashOf(bytes: Buffer): string {
  return createHash('sha512').update(bytes).digest('hex').toUpperCase();
}

function answer(request: IncomingMessage, response: ServerResponse, { body, hash }: Document): Answer {
  const etag = `"${hash}"`;
  response.setHeader('etag', etag);
  response.setHeader('vary', 'Accept');
  const known = request.headers['if-none-match'] === etag;
  return { code: known ? 304 : 200, mediaType: 'application/json', body: known ? Buffer.alloc(0) : body };
}
