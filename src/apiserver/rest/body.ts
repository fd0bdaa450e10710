import type { IncomingMessage } from 'node:http';
import {
  type Decoded,
  decodeJson,
  decodeParsed,
  decodeYaml,
  type Expected,
  type FieldValidation,
} from '#api/machinery/decode.ts';
import { isJsonObject, type KubeObject } from '#api/machinery/object.ts';
import { decodeProtobuf, isEnvelope, PROTOBUF_TYPE, ProtobufError } from '#api/machinery/protobuf.ts';
import { badRequest, tooLarge, unsupportedMediaType } from '#api/machinery/status-error.ts';

/** Upstream's limit for bodies. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

const BODY_TYPES = ['application/json', 'application/yaml', PROTOBUF_TYPE];

/** The body's bytes. Compressed ones are not understood, as upstream. Throws StatusError 413. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw tooLarge(`limit is ${MAX_BODY_BYTES}`);
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

/** The media type of the body without its parameters; `fallback` when the request names none. */
export function mediaTypeOf(request: IncomingMessage, fallback: string): string {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';');
  return type.trim().toLowerCase() || fallback;
}

/** Reads and decodes an object. Throws StatusError 400, 413 or 415. */
export async function decodeBody<T extends object = KubeObject>(
  request: IncomingMessage,
  expected: Expected,
  fieldValidation: FieldValidation,
): Promise<Decoded<T>> {
  const mediaType = mediaTypeOf(request, 'application/json');
  if (!BODY_TYPES.includes(mediaType)) throw unsupportedMediaType(BODY_TYPES);
  const body = await readBody(request);
  switch (mediaType) {
    case 'application/json':
      return decodeJson<T>(jsonText(body), expected, { fieldValidation });
    case 'application/yaml':
      return decodeYaml<T>(body.toString(), expected, { fieldValidation });
    default:
      return decodeEnvelope<T>(body, expected);
  }
}

/** `null` is an object without fields. */
function jsonText(body: Buffer): string {
  const text = body.toString();
  return text.trim() === 'null' ? '{}' : text;
}

/** Reads options of a request, which may come under any group and version. Throws StatusError 400, 413 or 415. */
export async function decodeOptions<T extends object>(
  request: IncomingMessage,
  expected: Expected,
): Promise<T> {
  const mediaType = mediaTypeOf(request, 'application/json');
  if (!BODY_TYPES.includes(mediaType)) throw unsupportedMediaType(BODY_TYPES);
  const value = await readValue(await readBody(request), mediaType, expected);
  const known =
    isJsonObject(value) && value['kind'] === expected.kind
      ? { ...value, apiVersion: expected.apiVersion }
      : value;
  return decodeParsed<T>({ value: known, duplicates: [] }, expected, { fieldValidation: 'Ignore' }).object;
}

async function readValue(body: Buffer, mediaType: string, expected: Expected): Promise<unknown> {
  if (mediaType === PROTOBUF_TYPE) return decodeProtobuf(body, expected);
  if (mediaType === 'application/json') return parseJsonBody(body.toString());
  const { parseYaml } = await import('#api/machinery/yaml-parse.ts');
  const parsed = parseYaml(body.toString());
  if ('problem' in parsed) throw badRequest(`error converting YAML to JSON: ${parsed.problem}`);
  return parsed.value;
}

function parseJsonBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${String(error)}`);
  }
}

function decodeEnvelope<T extends object>(body: Buffer, expected: Expected): Decoded<T> {
  const asA = `${expected.kind} in version ${JSON.stringify(expected.apiVersion)} cannot be handled as a ${expected.kind}`;
  if (!isEnvelope(body))
    throw badRequest(
      `${asA}: provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]`,
    );
  try {
    const value = decodeProtobuf(body, expected);
    if (value === undefined) throw badRequest(`${asA}: no kind is registered for the message`);
    return decodeParsed<T>({ value, duplicates: [] }, expected, { fieldValidation: 'Ignore' });
  } catch (error) {
    if (error instanceof ProtobufError) throw badRequest(`${asA}: ${error.message}`);
    throw error;
  }
}
