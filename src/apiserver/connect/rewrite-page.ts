/** The body of a backend's answer as the client gets it. */
import type { IncomingMessage } from 'node:http';
import { Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { HtmlLinks } from './plan-html-links.ts';

export interface PageRewriting {
  /** What the bytes go through, in order. */
  readonly steps: readonly Transform[];
  /** Headers, in lower case, that are no longer true. */
  readonly dropped: readonly string[];
}

/** HTML, plain or gzip, has its links put through `rewrite`; undefined for everything else. */
export function rewritePage(
  { headers }: IncomingMessage,
  rewrite: (url: string) => string,
): PageRewriting | undefined {
  const mediaType = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  const encoding = (headers['content-encoding'] ?? '').trim().toLowerCase();
  if (mediaType !== 'text/html' || (encoding !== '' && encoding !== 'gzip')) return undefined;
  const links = linkStep(rewrite);
  return encoding === 'gzip'
    ? { steps: [createGunzip(), links], dropped: ['content-length', 'content-encoding'] }
    : { steps: [links], dropped: ['content-length'] };
}

function linkStep(rewrite: (url: string) => string): Transform {
  const links = new HtmlLinks(rewrite);
  // One character per byte: markup is ASCII in every encoding of the web but UTF-16, the rest passes untouched.
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) =>
      done(null, Buffer.from(links.push(chunk.toString('latin1')), 'latin1')),
    flush: (done) => done(null, Buffer.from(links.end(), 'latin1')),
  });
}
