/** The files within an image's archive, read where they lie: nothing is unpacked to look at it. */
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { decodePax, decodeTarHeader, TAR_BLOCK, tarPadding } from '#wire/tar.ts';

/** A file within an archive or a folder. */
export interface Part {
  file: string;
  start: number;
  size: number;
}

/** Finds a part by its name; undefined when there is none. */
export type Parts = (name: string) => Part | undefined;

const MAX_JSON = 16 << 20;

/** Throws an Error for what is no JSON or too large to be a manifest. */
export function readJson({ file, start, size }: Part): unknown {
  if (size > MAX_JSON) throw new Error(`a manifest in ${file} is larger than 16 MiB`);
  const bytes = Buffer.alloc(size);
  const fd = openSync(file, 'r');
  try {
    readSync(fd, bytes, 0, size, start);
  } finally {
    closeSync(fd);
  }
  try {
    return JSON.parse(bytes.toString());
  } catch (cause) {
    throw new Error(`this is no image: a manifest in it is no JSON: ${(cause as Error).message}`, { cause });
  }
}

/** The files of a folder. */
export function folderParts(directory: string): Parts {
  return (name) => {
    if (name.split('/').includes('..')) return undefined;
    const file = join(directory, name);
    const info = statSync(file, { throwIfNoEntry: false });
    return info?.isFile() === true ? { file, start: 0, size: info.size } : undefined;
  };
}

/** Reads the headers of a tar file, not its contents. A compressed one has no parts: it is a root file system. */
export function tarParts(file: string): Parts {
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

/** The content of a part, unpacked where it is compressed with gzip or zstd. */
export function decompressed(part: Part): AsyncIterable<Buffer> {
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
