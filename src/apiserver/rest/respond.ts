import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { internalError, isStatusError, type StatusError } from '#api/machinery/status-error.ts';

const gzipAsync = promisify(gzip);

/** Answers smaller than this are not worth compressing. */
const GZIP_FROM_BYTES = 128 * 1024;

/** Bytes ready to be sent. */
export interface Answer {
  readonly code: number;
  readonly mediaType: string;
  readonly body: Buffer;
}

export function jsonAnswer(code: number, value: unknown): Answer {
  return { code, mediaType: 'application/json', body: Buffer.from(`${JSON.stringify(value)}\n`) };
}

export function textAnswer(code: number, text: string): Answer {
  return { code, mediaType: 'text/plain; charset=utf-8', body: Buffer.from(text) };
}

/** Sends an answer: compressed when that pays and the client can, indented when `?pretty` asks for it. */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  query?: URLSearchParams,
): Promise<void> {
  if (response.destroyed || response.headersSent) return;
  let { body } = answer;
  if (answer.mediaType === 'application/json' && wantsPretty(request, query)) body = prettyPrint(body);
  if (body.length >= GZIP_FROM_BYTES && acceptsGzip(request)) {
    body = await gzipAsync(body, { level: constants.Z_BEST_SPEED });
    response.setHeader('content-encoding', 'gzip');
    response.setHeader('vary', 'Accept-Encoding');
  }
  response.setHeader('content-type', answer.mediaType);
  response.setHeader('cache-control', response.getHeader('cache-control') ?? 'no-cache, private');
  response.setHeader('content-length', body.length);
  response.writeHead(answer.code);
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** The Status of a failure; what is not a StatusError is reported as an internal error. */
export function errorAnswer(error: unknown): Answer {
  const { code, status } = asStatusError(error);
  const { details } = status;
  if (details === undefined) return jsonAnswer(code, status);
  const known = Object.entries(details).filter(([, value]) => value !== '');
  return jsonAnswer(code, { ...status, details: Object.fromEntries(known) });
}

export function asStatusError(error: unknown): StatusError {
  if (isStatusError(error)) return error;
  return internalError(error instanceof Error ? error.message : String(error), { cause: error });
}

/** Adds a `Warning: 299` header; the text may hold anything. */
export function warn(response: ServerResponse, text: string): void {
  const quoted = text.replaceAll(/[\\"]/g, '\\$&').replaceAll(/[^\x20-\x7e]/g, '?');
  response.appendHeader('warning', `299 - "${quoted}"`);
}

function acceptsGzip(request: IncomingMessage): boolean {
  return /(^|,)\s*gzip\s*(;|,|$)/.test(request.headers['accept-encoding'] ?? '');
}

/** People read with curl, wget and browsers; they get indented JSON without asking. */
function wantsPretty(request: IncomingMessage, query: URLSearchParams | undefined): boolean {
  const asked = query?.get('pretty');
  if (asked !== null && asked !== undefined) return asked !== '0' && asked !== 'false';
  return /^(curl|Wget|Mozilla\/5\.0)/.test(request.headers['user-agent'] ?? '');
}

function prettyPrint(body: Buffer): Buffer {
  return Buffer.from(JSON.stringify(JSON.parse(body.toString()), undefined, 2));
}
