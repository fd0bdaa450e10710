import { noSuchResource } from '#api/machinery/status-error.ts';
import { subresourceHandler } from '#apiserver/subresources/subresources.ts';
import type { RestContext } from './context.ts';
import { deprecation } from './deprecations.ts';
import { methodNotAllowed } from './not-allowed.ts';
import { getList, getOne } from './read.ts';
import { deleteMany, deleteOne } from './remove.ts';
import type { Answer } from './respond.ts';
import { watch } from './watch.ts';
import { patch, post, put } from './write.ts';

/** Serves one kind of request; undefined when it has answered by itself. */
export type Handler = (context: RestContext) => Promise<Answer | undefined>;

const HANDLERS: Readonly<Record<string, Handler>> = {
  get: getOne,
  list: getList,
  create: post,
  update: put,
  patch,
  delete: deleteOne,
  deletecollection: deleteMany,
  watch: async (context) => {
    await watch(context);
    return undefined;
  },
};

/** Serves a request for API objects. Throws StatusError. */
export async function serveObjects(context: RestContext): Promise<Answer | undefined> {
  const { target, served, info, warnings } = context;
  const retired = deprecation(served.kind.resource);
  if (retired !== undefined) warnings.push(retired);
  if (target.subresource !== '') return subresourceHandler(context)(context);
  if (served.kind.namespaced && target.namespace === '' && (target.name !== '' || info.verb === 'create'))
    throw noSuchResource();
  const handler = HANDLERS[verbHere(context)];
  if (handler === undefined || info.method === 'HEAD') throw methodNotAllowed();
  return handler(context);
}

/** The verb, if the resource knows it and the path is one on which it makes sense. */
function verbHere({ info, served, target }: RestContext): string {
  const { verb } = info;
  const onCollection = target.name === '';
  const misplaced = onCollection ? verb === 'update' || verb === 'patch' : verb === 'create';
  return misplaced || !served.kind.verbs.includes(verb) ? '' : verb;
}
