import type { Expected } from '#api/machinery/decode.ts';
import { typeOfGvk } from '#api/machinery/kinds.ts';
import { joinApiVersion } from '#api/machinery/object.ts';
import type { VirtualCreate } from '#apiserver/hooks.ts';
import { decodeBody } from './body.ts';
import type { RestContext } from './context.ts';
import { methodNotAllowed } from './not-allowed.ts';
import { writeOptions } from './options.ts';
import { type Answer, jsonAnswer } from './respond.ts';

/** POST of something that is computed, not stored: reviews, tokens. */
export async function serveVirtual(context: RestContext, create: VirtualCreate): Promise<Answer> {
  const { info, attributes, engine, warnings } = context;
  if (info.verb !== 'create') throw methodNotAllowed();
  const expected = expectedBody(context);
  const { object, ...decoded } = await decodeBody(context.request, expected, 'Warn');
  const { dryRun } = writeOptions(info.query, 'CreateOptions');
  warnings.push(...decoded.warnings);
  const answer = await create(object, { attributes, objects: engine.cache, dryRun });
  return jsonAnswer(201, answer);
}

/** A subresource has a kind of its own. */
function expectedBody({ served: { kind }, target }: RestContext): Expected {
  const fact = kind.subresources[target.subresource];
  if (fact === undefined) return kind;
  const group = fact.group ?? kind.group;
  const version = fact.version ?? kind.version;
  return {
    apiVersion: joinApiVersion(group, version),
    kind: fact.kind,
    type: typeOfGvk(group, version, fact.kind) ?? fact.type ?? kind.type,
  };
}
