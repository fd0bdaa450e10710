import type { KindInfo } from '#api/machinery/kinds.ts';
import type { OutputFormat } from './negotiate.ts';
import { type Answer, jsonAnswer } from './respond.ts';

/** A value in the media type that was negotiated. */
export async function encodeAs(
  code: number,
  value: unknown,
  mediaType: OutputFormat['mediaType'],
  _kind: KindInfo,
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
    case 'application/vnd.kubernetes.protobuf':
      return jsonAnswer(code, value);
  }
}
