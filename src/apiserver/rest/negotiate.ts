import { notAcceptable } from '#api/machinery/status-error.ts';

/** How an answer is to be written, and as which kind. */
export interface OutputFormat {
  readonly mediaType: 'application/json' | 'application/yaml' | 'application/vnd.kubernetes.protobuf';
  /** `Table`, `PartialObjectMetadata`, `PartialObjectMetadataList`: asked for in place of the object. */
  readonly as?: { readonly kind: string; readonly version: string; readonly group: string } | undefined;
}

interface Clause {
  readonly type: string;
  readonly quality: number;
  readonly parameters: ReadonlyMap<string, string>;
}

const MEDIA_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'] as const;

const JSON_FORMAT: OutputFormat = { mediaType: 'application/json' };

/** The clauses of an Accept header, best first. */
export function parseAccept(header: string): Clause[] {
  const clauses = header.split(',').map((text): Clause => {
    const [type = '', ...rest] = text.split(';').map((part) => part.trim());
    const parameters = new Map(rest.map((part): [string, string] => splitParameter(part)));
    const quality = Number(parameters.get('q') ?? 1);
    return { type: type.toLowerCase(), quality: Number.isFinite(quality) ? quality : 1, parameters };
  });
  return clauses.filter((clause) => clause.type !== '').sort((a, b) => b.quality - a.quality);
}

function splitParameter(part: string): [string, string] {
  const equals = part.indexOf('=');
  return equals < 0
    ? [part, '']
    : [
        part.slice(0, equals).trim(),
        part
          .slice(equals + 1)
          .trim()
          .replace(/^"|"$/g, ''),
      ];
}

/**
 * Chooses the format of an answer. `transforms` says which kinds may be asked for with `as=`.
 * Throws 406 when nothing acceptable can be written.
 */
export function negotiate(
  header: string | undefined,
  transforms: (as: { kind: string; version: string; group: string }, mediaType: string) => boolean,
): OutputFormat {
  if (header === undefined || header.trim() === '') return JSON_FORMAT;
  for (const clause of parseAccept(header)) {
    const mediaType = MEDIA_TYPES.find((type) => matches(clause.type, type));
    if (mediaType === undefined) continue;
    const kind = clause.parameters.get('as');
    if (kind === undefined) return { mediaType };
    const as = { kind, group: clause.parameters.get('g') ?? '', version: clause.parameters.get('v') ?? '' };
    if (transforms(as, mediaType)) return { mediaType, as };
  }
  throw notAcceptable(MEDIA_TYPES);
}

/** Upstream knows no `application/*`. */
function matches(pattern: string, type: string): boolean {
  return pattern === type || pattern === '*/*';
}
