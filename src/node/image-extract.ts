/** Unpacks the layers of an image into one directory. Nothing is ever written outside of it. */
import {
  chmodSync,
  closeSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { decodePax, decodeTarHeader, TAR_BLOCK, TarError, type TarHeader, tarPadding } from '#wire/tar.ts';

const MAX_LINKS = 40;
/** Long names and pax records are small; what claims to be larger is an attack. */
const MAX_META_SIZE = 1 << 20;
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

export interface ExtractOptions {
  /** An existing directory. */
  root: string;
  /** Files keep their owners; needs real root. */
  keepOwners: boolean;
}

/** Unpacks one layer over what is there: later layers replace and, by whiteouts, delete. */
export async function extractLayer(archive: AsyncIterable<Buffer>, options: ExtractOptions): Promise<void> {
  const reader = new ByteReader(archive);
  const layer = new LayerWriter(options);
  let overrides = new Map<string, string>();
  for (;;) {
    const block = await reader.read(TAR_BLOCK);
    const header = block.length === 0 ? null : decodeTarHeader(block);
    if (header === null) break;
    if ('xgLK'.includes(header.type)) {
      if (header.size > MAX_META_SIZE) throw new TarError('a long name or pax header is larger than 1 MiB');
      const content = await reader.read(header.size);
      await reader.skip(tarPadding(header.size));
      if (header.type === 'x') for (const [key, value] of decodePax(content)) overrides.set(key, value);
      if (header.type === 'L') overrides.set('path', content.toString().replace(/\0.*$/s, ''));
      if (header.type === 'K') overrides.set('linkpath', content.toString().replace(/\0.*$/s, ''));
      continue;
    }
    const entry = applyOverrides(header, overrides);
    overrides = new Map();
    await layer.write(entry, reader);
    await reader.skip(tarPadding(entry.size));
  }
}

function applyOverrides(header: TarHeader, overrides: Map<string, string>): TarHeader {
  const size = Number(overrides.get('size') ?? header.size);
  if (!Number.isSafeInteger(size) || size < 0) throw new TarError(`${header.name} has an impossible size`);
  return {
    ...header,
    size: '125346'.includes(header.type) ? 0 : size,
    name: overrides.get('path') ?? header.name,
    linkName: overrides.get('linkpath') ?? header.linkName,
    uid: Number(overrides.get('uid') ?? header.uid),
    gid: Number(overrides.get('gid') ?? header.gid),
  };
}

/** Writes the entries of one layer. */
class LayerWriter {
  readonly #options: ExtractOptions;
  /** What this layer made: an opaque directory hides all but that. */
  readonly #made = new Set<string>();

  constructor(options: ExtractOptions) {
    this.#options = options;
  }

  async write(entry: TarHeader, reader: ByteReader): Promise<void> {
    const parts = splitName(entry.name);
    const base = parts.pop();
    if (base === undefined) return reader.skip(entry.size);
    const directory = resolveInRoot(this.#options.root, parts, true);
    if (base.startsWith(WHITEOUT)) {
      this.#hide(directory, base);
      return reader.skip(entry.size);
    }
    const path = join(directory, base);
    this.#made.add(path);
    await this.#make(entry, path, reader);
  }

  async #make(entry: TarHeader, path: string, reader: ByteReader): Promise<void> {
    const { root } = this.#options;
    const isDirectory = entry.type === '5';
    const existing = lstatSync(path, { throwIfNoEntry: false });
    if (existing && !(isDirectory && existing.isDirectory())) rmSync(path, { recursive: true, force: true });
    switch (entry.type) {
      case '5':
        if (!existing?.isDirectory()) mkdirSync(path);
        break;
      case '2':
        symlinkSync(entry.linkName, path);
        break;
      case '1': {
        const parts = splitName(entry.linkName);
        const base = parts.pop() ?? '';
        linkSync(join(resolveInRoot(root, parts, false), base), path);
        return;
      }
      case '0':
      case '7':
        await writeFileFrom(reader, path, entry.size);
        break;
      default:
        // Devices and FIFOs: a container gets its own /dev.
        return reader.skip(entry.size);
    }
    this.#own(entry, path);
  }

  #own(entry: TarHeader, path: string): void {
    if (this.#options.keepOwners) lchownSync(path, entry.uid, entry.gid);
    if (entry.type === '2') return;
    // Rootless, the one user there is must be able to go on writing below.
    const mode = this.#options.keepOwners ? entry.mode : entry.mode | (entry.type === '5' ? 0o700 : 0o600);
    chmodSync(path, mode);
  }

  #hide(directory: string, base: string): void {
    if (base !== OPAQUE) {
      rmSync(join(directory, ...splitName(base.slice(WHITEOUT.length))), { recursive: true, force: true });
      return;
    }
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      if (!this.#made.has(path)) rmSync(path, { recursive: true, force: true });
    }
  }
}

/** The components of an entry's name; `..` is refused. */
function splitName(name: string): string[] {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || name.includes('\0'))
    throw new TarError(`the name ${JSON.stringify(name)} leads out of the image`);
  return parts;
}

/**
 * The real directory of a path, links followed as a process with this root would. Throws TarError where a link
 * goes in circles; with `make`, missing directories are made.
 */
export function resolveInRoot(root: string, parts: readonly string[], make: boolean): string {
  const todo = [...parts];
  let done: string[] = [];
  let links = 0;
  for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      done = done.slice(0, -1);
      continue;
    }
    const path = join(root, ...done, part);
    const info = lstatSync(path, { throwIfNoEntry: false });
    if (info?.isSymbolicLink() === true) {
      if (++links > MAX_LINKS) throw new TarError(`too many links on the way to ${parts.join('/')}`);
      const target = readlinkSync(path);
      if (target.startsWith('/')) done = [];
      todo.unshift(...target.split('/'));
      continue;
    }
    if (info === undefined && make) mkdirSync(path);
    done.push(part);
  }
  return join(root, ...done);
}

async function writeFileFrom(reader: ByteReader, path: string, size: number): Promise<void> {
  const fd = openSync(path, 'wx', 0o600);
  try {
    for (let left = size; left > 0; ) {
      const chunk = await reader.some(left);
      writeSync(fd, chunk);
      left -= chunk.length;
    }
  } finally {
    closeSync(fd);
  }
}

/** Reads a stream in pieces of chosen length. */
class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Exactly so many bytes, or none at the end of the stream. */
  async read(length: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for (let left = length; left > 0; ) {
      const chunk = await this.#next(left);
      if (chunk === null && chunks.length === 0) return Buffer.alloc(0);
      if (chunk === null) throw new TarError('the archive ends too early');
      chunks.push(chunk);
      left -= chunk.length;
    }
    return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
  }

  /** At least one byte and at most so many. */
  async some(most: number): Promise<Buffer> {
    const chunk = await this.#next(most);
    if (chunk === null) throw new TarError('the archive ends too early');
    return chunk;
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0; ) left -= (await this.some(left)).length;
  }

  async #next(most: number): Promise<Buffer | null> {
    while (this.#buffer.length === 0) {
      const { value, done } = await this.#source.next();
      if (done === true) return null;
      this.#buffer = value;
    }
    const chunk = this.#buffer.subarray(0, most);
    this.#buffer = this.#buffer.subarray(chunk.length);
    return chunk;
  }
}
