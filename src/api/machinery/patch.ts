// The three kinds of patch that need no managed fields, from the request's text to a decoded object.
import { type Decoded, decodeParsed, type Expected, type FieldValidation } from './decode.ts';
import { invalid as invalidField, toCause } from './field-error.ts';
import { JsonSyntaxError, type ParsedJson, parseJson } from './json-parse.ts';
import { isJsonObject, type KubeObject } from './object.ts';
import { applyJsonPatch, PatchError } from './patch-json.ts';
import { applyMergePatch } from './patch-merge.ts';
import { applyStrategicPatch } from './patch-strategic.ts';
import { badRequest, invalid, StatusError, tooLarge, unclassified } from './status-error.ts';

export type PatchType = 'json' | 'merge' | 'strategic';

/** Media types of PATCH bodies. Apply patches need managed fields and are not among them. */
export const PATCH_TYPES: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
};

/** Of a JSON patch; upstream refuses more. */
const MAX_OPERATIONS = 10_000;

export interface PatchRequest {
  readonly type: PatchType;
  /** The body as it came. */
  readonly text: string;
  readonly fieldValidation?: FieldValidation | undefined;
}

/** A patch as read from a request, to be applied once or (after a conflict) again. */
export interface Patch {
  /** The new object in canonical form, before defaulting; `current` is not changed. Throws StatusError. */
  apply<T extends KubeObject>(current: T, expected: Expected & { readonly group: string }): Decoded<T>;
}

/** Reads a patch. Throws StatusError 400 where the text is no patch of its type, 413 where it is too long. */
export function readPatch({ type, text, fieldValidation }: PatchRequest): Patch {
  const patch = readBody(type, text);
  return {
    apply: (current, expected) => {
      const name = current.metadata?.name ?? '';
      const changed = guarded(type, () => change(type, current, patch.value, expected.type));
      // Upstream decodes the result of a strategic patch by type, so apiVersion and kind in it mean nothing.
      const value = type === 'strategic' ? { ...(changed as object), ...typeMeta(expected) } : changed;
      try {
        return decodeParsed({ value, duplicates: patch.duplicates }, expected, { fieldValidation });
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        const finding = invalidField('patch', text, error.message);
        // The object's kind and name are not told here.
        const { status } = invalid(expected, name, [finding]);
        throw new StatusError({ ...status, details: { causes: [toCause(finding)] } });
      }
    },
  };
}

function readBody(type: PatchType, text: string): ParsedJson {
  let parsed: ParsedJson;
  try {
    parsed = parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw badRequest(`error decoding patch: ${error.message}`);
  }
  const fits = type === 'json' ? Array.isArray(parsed.value) : isJsonObject(parsed.value);
  if (!fits)
    throw badRequest(
      `error decoding patch: a ${type} patch must be ${type === 'json' ? 'a list' : 'an object'}`,
    );
  if (type !== 'json') return parsed;
  const { length } = parsed.value as unknown[];
  if (length > MAX_OPERATIONS) {
    throw tooLarge(`The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${length}`);
  }
  return { ...parsed, duplicates: [] };
}

function change(type: PatchType, current: KubeObject, patch: unknown, schemaType: string): unknown {
  if (type === 'json') return applyJsonPatch(current, patch);
  if (type === 'merge') return applyMergePatch(current, patch);
  return applyStrategicPatch(current, patch, schemaType);
}

function guarded<T>(type: PatchType, apply: () => T): T {
  try {
    return apply();
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    if (type === 'strategic') throw error.malformed ? badRequest(error.message) : unclassified(error.message);
    const message = `the server rejected our request due to an error in our request: ${error.message}`;
    throw new StatusError({ status: 'Failure', reason: 'Invalid', message, details: {}, code: 422 });
  }
}

function typeMeta({ apiVersion, kind }: Expected): { apiVersion: string; kind: string } {
  return { apiVersion, kind };
}
