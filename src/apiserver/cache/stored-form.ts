import type { KubeObject } from '#api/machinery/object.ts';

const METADATA = '"metadata":{';

/**
 * The text that storage keeps: the object as JSON, beginning with kind, apiVersion and metadata,
 * without the resourceVersion, which only storage knows. The object needs a name.
 */
export function toStoredText(object: KubeObject): string {
  const { kind, apiVersion, metadata, ...rest } = object;
  return JSON.stringify({ kind, apiVersion, metadata: { ...metadata, resourceVersion: undefined }, ...rest });
}

/** The text that readers get: the stored one with its resourceVersion put in. */
export function withResourceVersion(stored: string, revision: number): string {
  const at = endOfMetadataHead(stored);
  return `${stored.slice(0, at)}"resourceVersion":"${revision}",${stored.slice(at)}`;
}

/** Where `"metadata":{` begins: what stands before is `{`, kind and apiVersion, which items of lists do not repeat. */
export function startOfMetadata(stored: string): number {
  return endOfMetadataHead(stored) - METADATA.length;
}

function endOfMetadataHead(stored: string): number {
  const at = stored.indexOf(METADATA);
  if (at < 0) throw new Error(`not a stored object: ${stored.slice(0, 80)}`);
  return at + METADATA.length;
}
