import type { KindInfo } from '#api/machinery/kinds.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { PROTOBUF_TYPE } from '#api/machinery/protobuf.ts';
import { notAcceptable } from '#api/machinery/status-error.ts';
import type { Entry } from '#apiserver/cache/entry.ts';
import { view } from '#apiserver/engine/engine.ts';
import type { Served } from '#apiserver/engine/resources.ts';
import { encodeAs } from './media.ts';
import { negotiate, type OutputFormat } from './negotiate.ts';
import type { Answer } from './respond.ts';
import { tableOf } from './table.ts';

/** The metadata of a list's answer. */
export interface ListMeta {
  readonly resourceVersion: string;
  readonly continue?: string | undefined;
  readonly remainingItemCount?: number | undefined;
}

/** How a client wants objects: as they are, as table rows, or their metadata only; in which media type. */
export interface Representation {
  readonly format: OutputFormat;
  readonly served: Served;
  /** Value of `includeObject`: what a table row carries. */
  readonly includeObject: string;
}

const NEWLINE = Buffer.from('\n');

const META_VERSIONS = new Set(['v1', 'v1beta1']);
const TRANSFORMS = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);

/** Chooses the representation of single objects, lists or watch events. Throws 406. */
export function representation(
  accept: string | undefined,
  served: Served,
  query: URLSearchParams,
): Representation {
  const format = negotiate(accept, ({ kind, group, version }, mediaType) => {
    if (kind === 'Table' && mediaType === PROTOBUF_TYPE) return false;
    return group === 'meta.k8s.io' && META_VERSIONS.has(version) && TRANSFORMS.has(kind);
  });
  return { format, served, includeObject: query.get('includeObject') ?? 'Metadata' };
}

/** One object, as the answer to a request. */
export function answerOne(code: number, entry: Entry, how: Representation): Answer | Promise<Answer> {
  const { format, served } = how;
  if (isPlain(how)) return { code, mediaType: format.mediaType, body: Buffer.concat([entry.bytes, NEWLINE]) };
  refuse(how, 'PartialObjectMetadataList');
  const object = view(served, entry);
  const value = format.as === undefined ? object : transform([object], how, metaOfOne(object));
  return encodeAs(code, value, format.mediaType, typeOf(how, served.kind.type));
}

/** A list. Plain ones are put together from the bytes of their items. */
export function answerMany(
  entries: readonly Entry[],
  meta: ListMeta,
  how: Representation,
): Answer | Promise<Answer> {
  const { format, served } = how;
  if (isPlain(how))
    return { code: 200, mediaType: format.mediaType, body: joinList(served.kind, entries, meta) };
  refuse(how, 'PartialObjectMetadata');
  const objects = entries.map((entry) => view(served, entry));
  const value =
    format.as === undefined ? listValue(served.kind, objects, meta) : transform(objects, how, meta);
  return encodeAs(200, value, format.mediaType, typeOf(how, served.kind.list));
}

/** The object as it stands in a watch event. */
export function eventObject(entry: Entry, how: Representation, firstOfTable: boolean): unknown {
  const object = view(how.served, entry);
  if (how.format.as === undefined) return object;
  const value = transform([object], how, metaOfOne(object));
  if (how.format.as.kind !== 'Table' || firstOfTable) return value;
  // The columns are sent once.
  return { ...value, columnDefinitions: null };
}

/** The bytes of the cache can be sent as they are. */
export function isPlain({ format, served }: Representation): boolean {
  return (
    format.as === undefined && format.mediaType === 'application/json' && served.conversion === undefined
  );
}

/** A single object has no list of metadata, and a list is not one object's metadata. */
function refuse({ format }: Representation, kind: string): void {
  if (format.as?.kind === kind) throw notAcceptable(['application/json', 'application/yaml', PROTOBUF_TYPE]);
}

/** The schema id of what is sent. */
function typeOf({ format }: Representation, plain: string | undefined): string | undefined {
  return format.as === undefined ? plain : `meta/v1.${format.as.kind}`;
}

function metaOfOne(object: KubeObject): ListMeta {
  return { resourceVersion: object.metadata?.resourceVersion ?? '' };
}

function joinList(kind: KindInfo, entries: readonly Entry[], meta: ListMeta): Buffer {
  const head = `{"kind":"${kind.kind}List","apiVersion":"${kind.apiVersion}","metadata":${JSON.stringify(meta)},"items":[`;
  const parts: Buffer[] = [Buffer.from(head)];
  const first = Buffer.from('{');
  const next = Buffer.from(',{');
  for (const entry of entries) parts.push(parts.length === 1 ? first : next, entry.itemBytes);
  parts.push(Buffer.from(']}\n'));
  return Buffer.concat(parts);
}

function listValue(kind: KindInfo, objects: readonly KubeObject[], metadata: ListMeta): object {
  const items = objects.map(({ kind: _kind, apiVersion: _apiVersion, ...item }) => item);
  return { kind: `${kind.kind}List`, apiVersion: kind.apiVersion, metadata, items };
}

function transform(objects: readonly KubeObject[], how: Representation, meta: ListMeta): object {
  const { as } = how.format;
  const apiVersion = `meta.k8s.io/${as?.version ?? 'v1'}`;
  if (as?.kind === 'Table') return tableOf(how.served.kind, objects, meta, apiVersion, how.includeObject);
  const partial = objects.map((object) => ({
    kind: 'PartialObjectMetadata',
    apiVersion,
    metadata: object.metadata,
  }));
  return as?.kind === 'PartialObjectMetadata'
    ? (partial[0] ?? {})
    : { kind: 'PartialObjectMetadataList', apiVersion, metadata: meta, items: partial };
}
