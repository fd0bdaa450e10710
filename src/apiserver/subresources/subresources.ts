import { noSuchResource, notImplemented } from '#api/machinery/status-error.ts';
import type { RestContext } from '#apiserver/rest/context.ts';
import { methodNotAllowed } from '#apiserver/rest/not-allowed.ts';
import { getOne } from '#apiserver/rest/read.ts';
import type { Handler } from '#apiserver/rest/serve.ts';
import { patch, put } from '#apiserver/rest/write.ts';
import { bind } from './binding.ts';
import { evict } from './eviction.ts';
import { finalize } from './finalize.ts';
import { getScale, patchScale, putScale } from './scale.ts';

type Verbs = Readonly<Record<string, Handler>>;

/** Subresources that show the object itself and change a part of it. */
const PART_OF_OBJECT: Verbs = { get: getOne, update: put, patch };

const notBuilt: Handler = ({ target }) =>
  Promise.reject(notImplemented(`changing pods/${target.subresource}`));

const READ_ONLY: Verbs = { get: getOne, update: notBuilt, patch: notBuilt };

const SCALE: Verbs = { get: getScale, update: putScale, patch: patchScale };

const BY_NAME: Readonly<Record<string, Verbs>> = {
  status: PART_OF_OBJECT,
  approval: PART_OF_OBJECT,
  ephemeralcontainers: READ_ONLY,
  resize: READ_ONLY,
  scale: SCALE,
  binding: { create: bind },
  eviction: { create: evict },
  finalize: { update: finalize },
};

/** What serves a request for a subresource. Throws 404 or 405. */
export function subresourceHandler({ served, target, info }: RestContext): Handler {
  const fact = served.kind.subresources[target.subresource];
  const verbs = BY_NAME[target.subresource];
  if (fact === undefined || verbs === undefined || target.tail !== '') throw noSuchResource();
  const handler = fact.verbs.includes(info.verb) ? verbs[info.verb] : undefined;
  if (handler === undefined || info.method === 'HEAD') throw methodNotAllowed();
  return handler;
}
