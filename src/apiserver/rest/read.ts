import { badRequest, expired, notFound, StatusError } from '#api/machinery/status-error.ts';
import type { Entry } from '#apiserver/cache/entry.ts';
import { ExpiredError } from '#apiserver/cache/resource-cache.ts';
import { currentEntry } from '#apiserver/engine/engine.ts';
import { idOf, type RestContext } from './context.ts';
import { writeContinue } from './continue-token.ts';
import { type ListOptions, listOptions } from './list-options.ts';
import { reach } from './reach.ts';
import { answerMany, answerOne, type ListMeta, representation } from './representation.ts';
import type { Answer } from './respond.ts';
import { type Selection, selection } from './selection.ts';

/** GET of one object. */
export async function getOne(context: RestContext): Promise<Answer> {
  const { served, info, target, request } = context;
  const how = representation(request.headers.accept, served, info.query);
  const text = info.query.get('resourceVersion') ?? '';
  if (text !== '' && !/^\d{1,16}$/.test(text))
    throw badRequest(`Invalid value: ${JSON.stringify(text)}: invalid resource version`);
  await reach(context, Number(text));
  const entry = currentEntry(context.engine, idOf(context));
  if (entry === undefined) throw notFound(served.kind, target.name);
  return answerOne(200, entry, how);
}

/** GET of a collection. */
export async function getList(context: RestContext): Promise<Answer> {
  const { served, info, target, request } = context;
  const how = representation(request.headers.accept, served, info.query);
  const options = listOptions(info.query);
  const chosen = selection(served, target.namespace, options);
  const exact = exactRevision(options);
  await reach(context, options.revision ?? 0);
  const revision = exact ?? context.engine.cache.revision;
  const entries = snapshot(context, chosen, exact, options);
  const { page, meta } = paginate(entries, revision, chosen, options);
  return answerMany(page, meta, how);
}

/** The one moment that a list has to show; undefined: now. */
function exactRevision({ continued, revision, match, limit }: ListOptions): number | undefined {
  if (continued !== undefined) return continued.revision;
  if (revision === undefined || revision === 0 || match === 'NotOlderThan') return undefined;
  return match === 'Exact' || limit > 0 ? revision : undefined;
}

function snapshot(
  { engine, served }: RestContext,
  { namespace }: Selection,
  exact: number | undefined,
  options: ListOptions,
): Entry[] {
  const cache = engine.cache.resource(served.storedAs);
  if (exact === undefined) return cache.list(namespace);
  try {
    return cache.listAt(exact, namespace);
  } catch (error) {
    if (!(error instanceof ExpiredError)) throw error;
    throw options.continued === undefined
      ? expired(`The resourceVersion for the provided list is too old: ${exact} (${error.oldest})`)
      : expiredPage(engine.cache.revision, options.continued.after);
  }
}

/** The client may go on with what is there now, at the price of a list that shows two moments. */
function expiredPage(revision: number, after: string): StatusError {
  const message =
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';
  const { status } = expired(message);
  return new StatusError({ ...status, metadata: { continue: writeContinue({ revision, after }) } });
}

function paginate(
  entries: readonly Entry[],
  revision: number,
  { matches, narrow }: Selection,
  options: ListOptions,
): { page: Entry[]; meta: ListMeta } {
  const { continued } = options;
  // resourceVersion 0 asks for what is at hand; upstream's cache has everything at hand and does not cut.
  const limit = options.limit === 0 || options.revision === 0 ? Infinity : options.limit;
  const rest = continued === undefined ? entries : entries.filter((entry) => entry.key > continued.after);
  const found = narrow ? rest.filter(matches) : rest;
  const page = found.length > limit ? found.slice(0, limit) : [...found];
  const last = page.at(-1);
  if (page.length === found.length || last === undefined)
    return { page, meta: { resourceVersion: String(revision) } };
  const meta = {
    resourceVersion: String(revision),
    continue: writeContinue({ revision, after: last.key }),
    // Upstream does not know how many more a selector would let through.
    remainingItemCount: narrow ? undefined : found.length - page.length,
  };
  return { page, meta };
}
