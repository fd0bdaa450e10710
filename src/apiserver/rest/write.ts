import { type KubeObject, metaOf } from '#api/machinery/object.ts';
import { PATCH_TYPES, readPatch } from '#api/machinery/patch.ts';
import {
  badRequest,
  conflict,
  notFound,
  notImplemented,
  unsupportedMediaType,
} from '#api/machinery/status-error.ts';
import { createObject } from '#apiserver/engine/create.ts';
import { byKind } from '#apiserver/engine/engine.ts';
import { updateObject } from '#apiserver/engine/update.ts';
import { decodeBody, mediaTypeOf, readBody } from './body.ts';
import { idOf, type RestContext, scopeOf } from './context.ts';
import { writeOptions } from './options.ts';
import { answerOne, representation } from './representation.ts';
import type { Answer } from './respond.ts';

const APPLY_TYPES = new Set(['application/apply-patch+yaml', 'application/apply-patch+cbor']);

/** POST to a collection. */
export async function post(context: RestContext): Promise<Answer> {
  const { request, served, info, target, engine, warnings } = context;
  const how = representation(request.headers.accept, served, info.query);
  const { object, ...decoded } = await decodeBody(request, served.kind, validationOf(info.query));
  const options = writeOptions(info.query, 'CreateOptions');
  warnings.push(...decoded.warnings);
  const { entry } = await createObject(
    engine,
    served,
    target.namespace,
    object,
    scopeOf(context, options.dryRun),
  );
  return answerOne(201, entry, how);
}

/** PUT of an object or its status. */
export async function put(context: RestContext): Promise<Answer> {
  const { request, served, info, target, engine, warnings } = context;
  const how = representation(request.headers.accept, served, info.query);
  const { object, ...decoded } = await decodeBody(request, served.kind, validationOf(info.query));
  const options = writeOptions(info.query, 'UpdateOptions');
  warnings.push(...decoded.warnings);
  const id = idOf(context);
  checkName(context, metaOf(object));
  const { entry, result } = await updateObject(
    engine,
    {
      id,
      subresource: target.subresource,
      mayCreate: served.strategy.allowCreateOnUpdate && target.subresource === '',
      change: (current) => {
        checkUid(context, metaOf(object).uid, current);
        return structuredClone(object);
      },
    },
    scopeOf(context, options.dryRun),
  );
  return answerOne(result === 'created' ? 201 : 200, entry, how);
}

/** The name in the object is that of the path; an absent namespace is filled in. */
export function checkName(
  { target, served }: RestContext,
  meta: { name?: string | undefined; namespace?: string | undefined },
): void {
  if (!meta.name) throw badRequest('the name of the object must be provided: name must be provided');
  if (meta.name !== target.name) {
    throw badRequest(
      `the name of the object (${meta.name}) does not match the name on the URL (${target.name})`,
    );
  }
  if (!served.kind.namespaced) return;
  meta.namespace ||= target.namespace;
  if (meta.namespace !== target.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

/** A PUT says which object it means; a patch leaves that to validation. */
function checkUid(
  { served, target }: RestContext,
  uid: string | undefined,
  current: KubeObject | undefined,
): void {
  if (current === undefined || !uid || uid === current.metadata?.uid) return;
  const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata?.uid ?? ''}`;
  throw conflict(byKind(served), target.name, why);
}

/** PATCH of an object or its status. */
export async function patch(context: RestContext): Promise<Answer> {
  const { request, served, info, target, engine, warnings } = context;
  const how = representation(request.headers.accept, served, info.query);
  const mediaType = mediaTypeOf(request, '');
  if (APPLY_TYPES.has(mediaType)) throw notImplemented('server-side apply');
  const type = PATCH_TYPES[mediaType];
  if (type === undefined) throw unsupportedMediaType([...Object.keys(PATCH_TYPES), ...APPLY_TYPES]);
  const text = (await readBody(request)).toString();
  const options = writeOptions(info.query, 'PatchOptions');
  const { fieldValidation } = options;
  const prepared = readPatch({ type, text, fieldValidation });
  const before = warnings.length;
  const change = {
    id: idOf(context),
    subresource: target.subresource,
    change: (current: Parameters<typeof prepared.apply>[0] | undefined) => {
      if (current === undefined) throw notFound(served.kind, target.name);
      const decoded = prepared.apply(current, served.kind);
      warnings.splice(before, Infinity, ...decoded.warnings);
      checkPatched(context, metaOf(decoded.object));
      return decoded.object;
    },
  };
  const { entry } = await updateObject(engine, change, scopeOf(context, options.dryRun));
  return answerOne(200, entry, how);
}

function checkPatched(
  { target, served }: RestContext,
  { name, namespace }: { name?: string | undefined; namespace?: string | undefined },
): void {
  if (name !== target.name) {
    throw badRequest(
      `the name of the object (${name ?? ''}) does not match the name on the URL (${target.name})`,
    );
  }
  if (served.kind.namespaced && namespace !== target.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

/** What decoding needs before the other options are checked: a wrong value is told later, and means the default. */
function validationOf(query: URLSearchParams): 'Ignore' | 'Warn' | 'Strict' {
  const value = query.get('fieldValidation');
  return value === 'Strict' || value === 'Ignore' ? value : 'Warn';
}
