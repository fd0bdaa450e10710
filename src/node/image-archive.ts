/** Finds the configuration and the layers in what `docker save`, `skopeo copy` (OCI) or `tar` wrote. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { decompressed, folderParts, type Part, type Parts, readJson, tarParts } from './archive-parts.ts';
import { type Json, recordOf, recordsOf, textOf, textsOf } from './image-json.ts';

/** The parts of an image's configuration that say what runs. */
export interface ImageConfig {
  entrypoint: string[];
  cmd: string[];
  /** `NAME=value`. */
  env: string[];
  workingDir: string;
  /** `uid[:gid]` or names; empty is root. */
  user: string;
}

export const EMPTY_IMAGE_CONFIG: ImageConfig = { entrypoint: [], cmd: [], env: [], workingDir: '', user: '' };

export interface ImageArchive {
  config: ImageConfig;
  /** `sha256:…` of the configuration; absent for a plain root file system. */
  id?: string | undefined;
  /** Names that the archive itself gives the image. */
  names: string[];
  /** The layers' tar streams, lowest first, decompressed. */
  layers: (() => AsyncIterable<Buffer>)[];
}

/** Opens a tar file or a folder in OCI layout; anything else in tar form counts as a root file system. */
export function openArchive(path: string): ImageArchive {
  const parts: Parts = statSync(path).isDirectory() ? folderParts(path) : tarParts(path);
  const manifest = parts('manifest.json');
  if (manifest !== undefined) return dockerArchive(parts, readJson(manifest));
  const index = parts('index.json');
  if (index !== undefined) return ociArchive(parts, readJson(index));
  return {
    config: EMPTY_IMAGE_CONFIG,
    names: [],
    layers: [() => decompressed({ file: path, start: 0, size: statSync(path).size })],
  };
}

/** Whether a folder is an image rather than a root file system. */
export const isOciLayout = (directory: string): boolean => existsSync(join(directory, 'oci-layout'));

function dockerArchive(parts: Parts, manifest: unknown): ImageArchive {
  const [first] = recordsOf(manifest, 'manifest.json');
  if (first === undefined) throw new Error('manifest.json lists no image');
  const configName = textOf(first['Config'], 'Config in manifest.json');
  const id = /([0-9a-f]{64})/.exec(configName)?.[1];
  return {
    config: readConfig(need(parts, configName)),
    ...(id === undefined ? {} : { id: `sha256:${id}` }),
    names: textsOf(first['RepoTags'], 'RepoTags in manifest.json'),
    layers: textsOf(first['Layers'], 'Layers in manifest.json').map(
      (name) => () => decompressed(need(parts, name)),
    ),
  };
}

function ociArchive(parts: Parts, index: unknown): ImageArchive {
  const { digest, name } = chooseManifest(parts, index, MAX_INDEXES);
  const manifest = recordOf(readJson(blob(parts, digest)), 'the manifest');
  const config = digestOf(recordOf(manifest['config'], 'config in the manifest'));
  return {
    config: readConfig(blob(parts, config)),
    id: config,
    names: name === undefined ? [] : [name],
    layers: recordsOf(manifest['layers'], 'layers in the manifest').map((layer) => {
      const layerDigest = digestOf(layer);
      return () => decompressed(blob(parts, layerDigest));
    }),
  };
}

/** Indexes of indexes, of which one is usual. */
const MAX_INDEXES = 4;

/** The manifest for this machine, through an index of platforms where there is one, and the name given on the way. */
function chooseManifest(parts: Parts, index: unknown, depth: number): { digest: string; name?: string } {
  if (depth === 0) throw new Error(`indexes of the image lead to others more than ${MAX_INDEXES} times`);
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const manifests = recordsOf(recordOf(index, 'the index')['manifests'], 'manifests in the index');
  const chosen = manifests.find(({ platform }) => {
    const wanted = platform === undefined ? undefined : recordOf(platform, 'platform')['architecture'];
    return (wanted ?? architecture) === architecture;
  });
  if (chosen === undefined) throw new Error(`the image has no variant for linux/${architecture}`);
  const digest = digestOf(chosen);
  const name = recordOf(chosen['annotations'] ?? {}, 'annotations')['io.containerd.image.name'];
  const named = typeof name === 'string' ? { name } : {};
  if (!/index|manifest\.list/.test(String(chosen['mediaType']))) return { digest, ...named };
  return { ...named, ...chooseManifest(parts, readJson(blob(parts, digest)), depth - 1) };
}

const digestOf = (descriptor: Json): string => textOf(descriptor['digest'], 'a digest');

const blob = (parts: Parts, digest: string): Part => need(parts, `blobs/${digest.replace(':', '/')}`);

function need(parts: Parts, name: string): Part {
  const part = parts(name);
  if (part === undefined) throw new Error(`the archive names ${name} but does not hold it`);
  return part;
}

function readConfig(part: Part): ImageConfig {
  const config = recordOf(recordOf(readJson(part), 'the configuration')['config'] ?? {}, 'config');
  return {
    entrypoint: textsOf(config['Entrypoint'], 'Entrypoint'),
    cmd: textsOf(config['Cmd'], 'Cmd'),
    env: textsOf(config['Env'], 'Env'),
    workingDir: textOf(config['WorkingDir'] ?? '', 'WorkingDir'),
    user: textOf(config['User'] ?? '', 'User'),
  };
}
