/** Finds the configuration and the layers in what `docker save`, `skopeo copy` (OCI) or `tar` wrote. */
import { closeSync, createReadStream, existsSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { decodePax, decodeTarHeader, TAR_BLOCK, tarPadding } from '#wire/tar.ts';

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

/** A file within an archive or a folder. */
interface Part {
  file: string;
  start: number;
  size: number;
}

type Parts = (name: string) => Part | undefined;

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
  const [first] = manifest as { Config: string; RepoTags?: string[] | null; Layers: string[] }[];
  if (first === undefined) throw new Error('manifest.json lists no image');
  const config = need(parts, first.Config);
  const id = /([0-9a-f]{64})/.exec(first.Config)?.[1];
  return {
    config: readConfig(config),
    ...(id === undefined ? {} : { id: `sha256:${id}` }),
    names: first.RepoTags ?? [],
    layers: first.Layers.map((name) => () => decompressed(need(parts, name))),
  };
}

interface Descriptor {
  mediaType?: string;
  digest: string;
  platform?: { architecture?: string; os?: string };
  annotations?: Record<string, string>;
}

function ociArchive(parts: Parts, index: unknown): ImageArchive {
  const descriptor = chooseManifest(parts, index as { manifests: Descriptor[] });
  const manifest = readJson(blob(parts, descriptor.digest)) as { config: Descriptor; layers: Descriptor[] };
  const name = descriptor.annotations?.['io.containerd.image.name'];
  return {
    config: readConfig(blob(parts, manifest.config.digest)),
    id: manifest.config.digest,
    names: name === undefined ? [] : [name],
    layers: manifest.layers.map((layer) => () => decompressed(blob(parts, layer.digest))),
  };
}

/** The manifest for this machine, through an index of platforms where there is one. */
function chooseManifest(parts: Parts, index: { manifests: Descriptor[] }): Descriptor {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const fitting = index.manifests.filter(
    ({ platform }) => (platform?.architecture ?? architecture) === architecture,
  );
  const [chosen] = fitting;
  if (chosen === undefined) throw new Error(`the image has no variant for linux/${architecture}`);
  if (chosen.mediaType?.includes('index') !== true && chosen.mediaType?.includes('manifest.list') !== true)
    return chosen;
  const inner = chooseManifest(parts, readJson(blob(parts, chosen.digest)) as { manifests: Descriptor[] });
  return { ...inner, annotations: { ...chosen.annotations, ...inner.annotations } };
}

const blob = (parts: Parts, digest: string): Part => need(parts, `blobs/${digest.replace(':', '/')}`);

function need(parts: Parts, name: string): Part {
  const part = parts(name);
  if (part === undefined) throw new Error(`the archive names ${name} but does not hold it`);
  return part;
}

function readConfig(part: Part): ImageConfig {
  const { config } = readJson(part) as {
    config?: {
      Entrypoint?: string[] | null;
      Cmd?: string[] | null;
      Env?: string[] | null;
      WorkingDir?: string;
      User?: string;
    } | null;
  };
  return {
    entrypoint: config?.Entrypoint ?? [],
    cmd: config?.Cmd ?? [],
    env: config?.Env ?? [],
    workingDir: config?.WorkingDir ?? '',
    user: config?.User ?? '',
  };
}

const MAX_JSON = 16 << 20;

function readJson({ file, start, size }: Part): unknown {
  if (size > MAX_JSON) throw new Error(`a manifest in ${file} is larger than 16 MiB`);
  const bytes = Buffer.alloc(size);
  const fd = openSync(file, 'r');
  try {
    readSync(fd, bytes, 0, size, start);
  } finally {
    closeSync(fd);
  }
  return JSON.parse(bytes.toString());
}

function folderParts(directory: string): Parts {
  return (name) => {
    if (name.split('/').includes('..')) return undefined;
    const file = join(directory, name);
    const info = statSync(file, { throwIfNoEntry: false });
    return info?.isFile() === true ? { file, start: 0, size: info.size } : undefined;
  };
}

/** Reads the headers of a tar file, not its contents. A compressed one has no parts: it is a root file system. */
function tarParts(file: string): Parts {
  if (compressionOf({ file, start: 0, size: statSync(file).size }) !== 'none') return () => undefined;
  const found = new Map<string, Part>();
  const links = new Map<string, string>();
  const fd = openSync(file, 'r');
  try {
    const block = Buffer.alloc(TAR_BLOCK);
    let longName: string | undefined;
    for (let at = 0; readSync(fd, block, 0, TAR_BLOCK, at) === TAR_BLOCK; ) {
      const header = decodeTarHeader(block);
      if (header === null) break;
      const start = at + TAR_BLOCK;
      at = start + header.size + tarPadding(header.size);
      if ('xL'.includes(header.type)) {
        const content = Buffer.alloc(Math.min(header.size, 1 << 20));
        readSync(fd, content, 0, content.length, start);
        longName =
          header.type === 'L' ? content.toString().replace(/\0.*$/s, '') : decodePax(content).get('path');
        continue;
      }
      const name = (longName ?? header.name).replace(/^\.\//, '');
      longName = undefined;
      if (header.type === '0') found.set(name, { file, start, size: header.size });
      if (header.type === '1' || header.type === '2')
        links.set(name, join('/', name, '..', header.linkName).slice(1));
    }
  } finally {
    closeSync(fd);
  }
  return (name) => found.get(name) ?? found.get(links.get(name) ?? '');
}

function compressionOf({ file, start }: Part): 'none' | 'gzip' | 'zstd' {
  const magic = Buffer.alloc(4);
  const fd = openSync(file, 'r');
  try {
    readSync(fd, magic, 0, 4, start);
  } finally {
    closeSync(fd);
  }
  if (magic[0] === 0x1f && magic[1] === 0x8b) return 'gzip';
  return magic.readUInt32LE() === 0xfd2fb528 ? 'zstd' : 'none';
}

function decompressed(part: Part): AsyncIterable<Buffer> {
  const source = createReadStream(part.file, {
    start: part.start,
    end: part.start + Math.max(0, part.size - 1),
    highWaterMark: 1 << 20,
  });
  const compression = compressionOf(part);
  if (compression === 'none') return source;
  const target = compression === 'gzip' ? createGunzip() : createZstdDecompress();
  pipeline(source, target, () => undefined);
  return target;
}
