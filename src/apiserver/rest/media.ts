import type { IncomingMessage } from 'node:http';
import { encodeProtobuf } from '#api/machinery/protobuf.ts';
import { notAcceptable } from '#api/machinery/status-error.ts';
import { negotiate, type OutputFormat } from './negotiate.ts';
import { type Answer, errorAnswer, jsonAnswer } from './respond.ts';

/** A value in the media type that was negotiated. `type`: its schema id; a Table has none and no protobuf form. */
export async function encodeAs(
  code: number,
  value: object,
  mediaType: OutputFormat['mediaType'],
  type: string | undefined,
): Promise<Answer> {
  switch (mediaType) {
    case 'application/json':
      return jsonAnswer(code, value);
    case 'application/yaml': {
      const { stringify } = await import('yaml');
      // Through JSON, so that what is undefined is left out.
      const text = stringify(JSON.parse(JSON.stringify(value)), { aliasDuplicateObjects: false });
      return { code, mediaType, body: Buffer.from(text) };
    }
    default:
      if (type === undefined) throw notAcceptable(['application/json', 'application/yaml']);
      return { code, mediaType, body: Buffer.from(encodeProtobuf(value, type)) };
  }
}

/** The Status of a failure in the media type that the client accepts, JSON when it accepts none. */
export async function encodeError(request: IncomingMessage, error: unknown): Promise<Answer> {
  const answer = errorAnswer(error);
  try {
    const { mediaType } = negotiate(request.headers.accept, () => false);
    if (mediaType === 'application/json') return answer;
    return await encodeAs(answer.code, JSON.parse(answer.body.toString()), mediaType, 'meta/v1.Status');
  } catch {
    return answer;
  }
}
