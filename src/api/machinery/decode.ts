// Request bodies -> objects. What a body may get wrong is told in upstream's words: unknown and duplicate fields
// (refused, warned of or ignored, as `fieldValidation` says), wrong types, unreadable text.
import { canonicalize, TypeMismatch } from './canonical.ts';
import { JsonSyntaxError, type ParsedJson, parseJson } from './json-parse.ts';
import { isJsonObject, type JsonObject, type KubeObject } from './object.ts';
import { badRequest, type StatusError } from './status-error.ts';

/** What happens with unknown and duplicate fields: refuse, warn (upstream's default), say nothing. */
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** A decoded body: the object in canonical form and the texts of Warning headers. */
export interface Decoded<T extends object = KubeObject> {
  readonly object: T;
  readonly warnings: string[];
}

/** What a body is expected to be: messages name it, and it stands in for what the body leaves out. */
export interface Expected {
  readonly apiVersion: string;
  readonly kind: string;
  /** Schema id. */
  readonly type: string;
}

export interface DecodeOptions {
  /** Default `Warn`. */
  readonly fieldValidation?: FieldValidation | undefined;
}

/** Decodes JSON text. Throws StatusError 400 and nothing else. */
export function decodeJson<T extends object = KubeObject>(
  text: string,
  expected: Expected,
  options: DecodeOptions = {},
): Decoded<T> {
  return decodeParsed(readJson(text, expected), expected, options);
}

/** Decodes YAML text (one document). Throws StatusError 400 and nothing else. */
export async function decodeYaml<T extends object = KubeObject>(
  text: string,
  expected: Expected,
  options: DecodeOptions = {},
): Promise<Decoded<T>> {
  const { parseYaml } = await import('./yaml-parse.ts');
  const parsed = parseYaml(text);
  if ('problem' in parsed)
    throw badRequest(`${asA(expected)}: error converting YAML to JSON: ${parsed.problem}`);
  return decodeParsed(parsed, expected, options);
}

/**
 * Brings a value that is JSON already (the result of a patch, an object of a list) into the canonical form of a type.
 * Throws StatusError 400 where a value has the wrong type, or where Strict refuses a field.
 */
export function decodeParsed<T extends object = KubeObject>(
  parsed: ParsedJson,
  expected: Expected,
  { fieldValidation = 'Warn' }: DecodeOptions = {},
): Decoded<T> {
  const findings: string[] = [];
  checkTypeMeta(parsed.value, expected);
  const decoded = guarded(expected, () =>
    canonicalize(expected.type, withTypeMeta(parsed.value, expected), (path) => {
      findings.push(`unknown field ${JSON.stringify(path)}`);
    }),
  );
  const object = decoded as T;
  findings.push(...parsed.duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`));
  if (fieldValidation === 'Ignore') return { object, warnings: [] };
  if (fieldValidation === 'Strict' && findings.length > 0) {
    throw badRequest(`${asA(expected)}: strict decoding error: ${findings.join(', ')}`);
  }
  return { object, warnings: findings };
}

function readJson(text: string, expected: Expected): ParsedJson {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw badRequest(`${asA(expected)}: couldn't get version/kind; json parse error: ${error.message}`);
  }
}

function checkTypeMeta(value: unknown, expected: Expected): void {
  if (!isJsonObject(value)) {
    const what = Array.isArray(value) ? 'array' : typeof value;
    const problem = `json: cannot unmarshal ${what} into Go value of type struct { APIVersion string; Kind string }`;
    throw badRequest(`${asA(expected)}: couldn't get version/kind; json parse error: ${problem}`);
  }
  for (const field of ['apiVersion', 'kind'] as const) {
    const found = value[field] ?? '';
    if (typeof found !== 'string') {
      const problem = `json: cannot unmarshal ${typeof found} into Go struct field .${field} of type string`;
      throw badRequest(`${asA(expected)}: couldn't get version/kind; json parse error: ${problem}`);
    }
  }
  const apiVersion = textOf(value['apiVersion']) || expected.apiVersion;
  const kind = textOf(value['kind']) || expected.kind;
  if (kind !== expected.kind) throw wrongKind(apiVersion, kind, expected);
  if (apiVersion !== expected.apiVersion) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected.apiVersion})`,
    );
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function wrongKind(apiVersion: string, kind: string, expected: Expected): StatusError {
  return badRequest(
    `${kind} in version ${JSON.stringify(versionOf(apiVersion))} cannot be handled as a ${expected.kind}: no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`,
  );
}

function withTypeMeta(value: unknown, { apiVersion, kind }: Expected): JsonObject {
  return { ...(value as JsonObject), apiVersion, kind };
}

function guarded<T>(expected: Expected, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof TypeMismatch) throw badRequest(`${asA(expected)}: ${error.message}`);
    throw error;
  }
}

function versionOf(apiVersion: string): string {
  return apiVersion.slice(apiVersion.indexOf('/') + 1);
}

function asA({ kind, apiVersion }: Expected): string {
  return `${kind} in version ${JSON.stringify(versionOf(apiVersion))} cannot be handled as a ${kind}`;
}
