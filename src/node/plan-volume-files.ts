/** Which files a configMap, secret, downwardAPI or projected volume holds. Pure. */
import type { ConfigMap, KeyToPath, Pod, Secret, Volume, VolumeProjection } from '#api/core/v1.gen.ts';
import { type FieldFacts, fieldValue, resourceFieldValue } from './plan-field.ts';

export interface VolumeFile {
  content: Buffer;
  mode: number;
}

/** A volume's files by path relative to it. */
export type VolumeFiles = Map<string, VolumeFile>;

/** What the volume needs is not there (yet): the event says FailedMount. */
export class VolumeNotReady extends Error {
  override readonly name = 'VolumeNotReady';
}

/** Objects of the pod's namespace as they are now, and the tokens asked for. */
export interface VolumeSources {
  configMap(name: string): ConfigMap | undefined;
  secret(name: string): Secret | undefined;
  /** The token for a serviceAccountToken projection; undefined before it was issued. */
  token(audience: string): string | undefined;
}

const DEFAULT_MODE = 0o644;

/** The sources of a volume in one form, or undefined for a volume that is no set of files. */
export function volumeProjections(volume: Volume): { sources: VolumeProjection[]; mode: number } | undefined {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap) return { sources: [{ configMap }], mode: configMap.defaultMode ?? DEFAULT_MODE };
  if (secret) {
    const { secretName, items, optional, defaultMode } = secret;
    return {
      sources: [{ secret: { name: secretName, items, optional } }],
      mode: defaultMode ?? DEFAULT_MODE,
    };
  }
  if (downwardAPI) return { sources: [{ downwardAPI }], mode: downwardAPI.defaultMode ?? DEFAULT_MODE };
  if (projected) return { sources: projected.sources ?? [], mode: projected.defaultMode ?? DEFAULT_MODE };
  return undefined;
}

/** All files of a volume; throws VolumeNotReady naming what is missing. */
export function planVolumeFiles(
  pod: Pod,
  projections: { sources: readonly VolumeProjection[]; mode: number },
  sources: VolumeSources,
  facts: FieldFacts,
): VolumeFiles {
  const files: VolumeFiles = new Map();
  const namespace = pod.metadata?.namespace ?? '';
  for (const { configMap, secret, downwardAPI, serviceAccountToken, ...other } of projections.sources) {
    if (configMap) {
      const found = sources.configMap(configMap.name ?? '');
      if (!found && !configMap.optional) throw new VolumeNotReady(`configmap "${configMap.name}" not found`);
      addKeys(
        files,
        contentOf(found?.data, 'utf8'),
        configMap,
        projections.mode,
        `configmap references non-existent config key`,
      );
      addKeys(
        files,
        contentOf(found?.binaryData, 'base64'),
        { ...configMap, optional: true },
        projections.mode,
        '',
      );
    } else if (secret) {
      const found = sources.secret(secret.name ?? '');
      if (!found && !secret.optional) throw new VolumeNotReady(`secret "${secret.name}" not found`);
      addKeys(
        files,
        contentOf(found?.data, 'base64'),
        secret,
        projections.mode,
        `references non-existent secret key`,
      );
    } else if (downwardAPI) {
      for (const item of downwardAPI.items ?? []) {
        const value = item.fieldRef
          ? fieldValue(pod, item.fieldRef.fieldPath, facts)
          : item.resourceFieldRef && resourceValue(pod, item.resourceFieldRef, facts);
        if (value === undefined) throw new VolumeNotReady(`downward API: no value for ${item.path}`);
        files.set(item.path, { content: Buffer.from(value), mode: item.mode ?? projections.mode });
      }
    } else if (serviceAccountToken) {
      const token = sources.token(serviceAccountToken.audience ?? '');
      if (token === undefined)
        throw new VolumeNotReady(`failed to fetch token for ${namespace}/${pod.spec?.serviceAccountName}`);
      files.set(serviceAccountToken.path, { content: Buffer.from(token), mode: projections.mode });
    } else {
      throw new VolumeNotReady(
        `the projected source ${Object.keys(other).join()} is not implemented by this node`,
      );
    }
  }
  return files;
}

function resourceValue(
  pod: Pod,
  selector: { containerName?: string | undefined; resource: string },
  facts: FieldFacts,
): string | undefined {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const container = containers.find(({ name }) => name === selector.containerName);
  return container && resourceFieldValue(container, selector, facts);
}

const contentOf = (data: Record<string, string> | undefined, encoding: BufferEncoding): Map<string, Buffer> =>
  new Map(Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, encoding)]));

/** All keys, or those that `items` chooses under paths of its own. */
function addKeys(
  files: VolumeFiles,
  content: ReadonlyMap<string, Buffer>,
  source: { items?: KeyToPath[] | undefined; optional?: boolean | undefined },
  mode: number,
  complaint: string,
): void {
  const items = source.items ?? [];
  if (items.length === 0) {
    for (const [key, value] of content) files.set(key, { content: value, mode });
    return;
  }
  for (const item of items) {
    const value = content.get(item.key);
    if (value !== undefined) files.set(item.path, { content: value, mode: item.mode ?? mode });
    else if (!source.optional) throw new VolumeNotReady(`${complaint}: ${item.key}`);
  }
}
