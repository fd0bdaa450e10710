/** The images of a user: what a name in a manifest runs. Shared by all his clusters. */
import { createHash, randomUUID } from 'node:crypto';
import {
  cpSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type ImageConfig, isOciLayout, openArchive } from './image-archive.ts';
import { extractLayer } from './image-extract.ts';
import { formatImageReference, parseImageReference } from './image-reference.ts';

/** A loaded image. */
export interface StoredImage {
  /** As Docker writes it in full: `docker.io/library/nginx:1.27`. */
  reference: string;
  /** `sha256:…` */
  id: string;
  config: ImageConfig;
  /** RFC 3339. */
  loadedAt: string;
  sizeBytes: number;
  /** The root file system, not to be written to. */
  root: string;
}

export interface LoadOptions {
  /** Absent: the name that the archive holds. */
  name?: string | undefined;
  entrypoint?: string[] | undefined;
  cmd?: string[] | undefined;
  /** `NAME=value`, added to the image's. */
  env?: string[] | undefined;
  workdir?: string | undefined;
}

/** `$XDG_DATA_HOME/portolan/images`. */
export function defaultImageDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'portolan', 'images');
}

export class ImageStore {
  readonly directory: string;

  constructor(directory: string = defaultImageDirectory()) {
    this.directory = directory;
  }

  /** Unpacks a tar archive (docker, OCI, plain) or copies a folder, under the name; replaces what had it. */
  async load(source: string, options: LoadOptions = {}): Promise<StoredImage> {
    const info = statSync(source);
    if (info.isFile() || info.isDirectory()) return this.#loadFrom(source, options);
    // A pipe cannot be read twice, and the manifest may come after the layers.
    const copy = join(this.directory, `${randomUUID()}.partial`);
    mkdirSync(this.directory, { recursive: true });
    try {
      await pipeline(createReadStream(source), createWriteStream(copy));
      return await this.#loadFrom(copy, options);
    } finally {
      rmSync(copy, { force: true });
    }
  }

  async #loadFrom(source: string, options: LoadOptions): Promise<StoredImage> {
    const isFolder = statSync(source).isDirectory() && !isOciLayout(source);
    const archive = isFolder ? undefined : openArchive(source);
    const reference = fullName(options.name ?? archive?.names[0], source);
    const key = randomUUID();
    const root = join(this.directory, 'roots', key);
    const partial = `${root}.partial`;
    mkdirSync(partial, { recursive: true });
    try {
      if (archive === undefined) cpSync(source, partial, { recursive: true, verbatimSymlinks: true });
      for (const layer of archive?.layers ?? []) {
        await extractLayer(layer(), { root: partial, keepOwners: process.getuid?.() === 0 && !isRootless() });
      }
      renameSync(partial, root);
    } catch (error) {
      rmSync(partial, { recursive: true, force: true });
      throw error;
    }
    const image: StoredImage = {
      reference,
      id: archive?.id ?? `sha256:${createHash('sha256').update(key).digest('hex')}`,
      config: mergeConfig(archive?.config, options),
      loadedAt: new Date().toISOString(),
      sizeBytes: folderSize(root),
      root,
    };
    const replaced = this.#read(reference);
    this.#write(image);
    if (replaced !== undefined) rmSync(replaced.root, { recursive: true, force: true });
    return image;
  }

  /** All images by name. */
  list(): StoredImage[] {
    const directory = join(this.directory, 'names');
    if (!existsSync(directory)) return [];
    const images = readdirSync(directory).flatMap(
      (file) => this.#read(decodeURIComponent(file.slice(0, -5))) ?? [],
    );
    return images.sort((a, b) => (a.reference < b.reference ? -1 : 1));
  }

  /** The image that a name of any form means, a digest included; undefined when none is loaded. */
  resolve(name: string): StoredImage | undefined {
    const reference = parseImageReference(name);
    if (reference === undefined) return undefined;
    const found = this.#read(formatImageReference(reference));
    if (found !== undefined || reference.digest === undefined) return found;
    return (
      this.list().find((image) => image.id === reference.digest) ??
      (reference.tag === undefined ? undefined : this.#read(`${reference.repository}:${reference.tag}`))
    );
  }

  /** Forgets a name and deletes its files; false when there is no such image. */
  remove(name: string): boolean {
    const image = this.resolve(name);
    if (image === undefined) return false;
    rmSync(this.#nameFile(image.reference), { force: true });
    rmSync(image.root, { recursive: true, force: true });
    return true;
  }

  #nameFile(reference: string): string {
    return join(this.directory, 'names', `${encodeURIComponent(reference)}.json`);
  }

  #read(reference: string): StoredImage | undefined {
    try {
      return JSON.parse(readFileSync(this.#nameFile(reference), 'utf8')) as StoredImage;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #write(image: StoredImage): void {
    const file = this.#nameFile(image.reference);
    mkdirSync(join(this.directory, 'names'), { recursive: true });
    writeFileSync(`${file}.partial`, JSON.stringify(image, undefined, 2));
    renameSync(`${file}.partial`, file);
  }
}

function fullName(name: string | undefined, source: string): string {
  if (name === undefined) throw new Error(`${source} does not say what its image is called: give a name`);
  const reference = parseImageReference(name);
  if (reference === undefined)
    throw new Error(`${JSON.stringify(name)} is no image name such as registry.example/team/app:1.0`);
  return formatImageReference(reference);
}

function mergeConfig(base: ImageConfig | undefined, options: LoadOptions): ImageConfig {
  return {
    entrypoint: options.entrypoint ?? base?.entrypoint ?? [],
    // As Docker: a new entrypoint forgets the old arguments.
    cmd: options.cmd ?? (options.entrypoint === undefined ? (base?.cmd ?? []) : []),
    env: [...(base?.env ?? []), ...(options.env ?? [])],
    workingDir: options.workdir ?? base?.workingDir ?? '',
    user: base?.user ?? '',
  };
}

/** Whether root here is an ordinary user outside: fewer than all ids are mapped. */
export function isRootless(): boolean {
  const [, , count] = readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/);
  return count !== '4294967295';
}

function folderSize(directory: string): number {
  let total = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) total += statSync(join(entry.parentPath, entry.name)).size;
  }
  return total;
}
