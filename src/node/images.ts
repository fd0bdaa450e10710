/** What the name of an image in a manifest stands for on this machine. */
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { EMPTY_IMAGE_CONFIG, type ImageConfig } from './image-archive.ts';
import { formatImageReference, type ImageReference, parseImageReference } from './image-reference.ts';
import { ImageStore } from './image-store.ts';
import type { RootBind, RootLink, RootPlan } from './init/plan-container-init.ts';

interface ImageNames {
  /** In full: `docker.io/library/nginx:1.27`. */
  reference: string;
  /** As status.containerStatuses.imageID has it. */
  imageId: string;
  config: ImageConfig;
}

/** Served by the node itself, without a process. */
export interface LightImage extends ImageNames {
  kind: 'light';
  program: 'echo' | 'pause';
}

/** The host's programs, read-only. */
export interface HostImage extends ImageNames {
  kind: 'host';
  binds: RootBind[];
  links: RootLink[];
  directories: string[];
  /** Files among these that hold the host's secrets. */
  hidden: string[];
}

export interface StoredRootImage extends ImageNames {
  kind: 'stored';
  root: string;
}

export type RunnableImage = LightImage | HostImage | StoredRootImage;

/** The name cannot be read as an image name: the status says InvalidImageName. */
export class InvalidImageName extends Error {
  override readonly name = 'InvalidImageName';
}

const HOST_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface ImagesOptions {
  directory?: string | undefined;
  program: { directory: string; entry: string };
}

export class Images {
  readonly store: ImageStore;
  readonly #program: ImagesOptions['program'];

  constructor({ directory, program }: ImagesOptions) {
    this.store = new ImageStore(directory);
    this.#program = program;
  }

  /** Undefined when nothing of that name is built in or loaded. */
  resolve(name: string): RunnableImage | undefined {
    const parsed = parseImageReference(name);
    if (parsed === undefined) {
      throw new InvalidImageName(
        `Failed to apply default image tag ${JSON.stringify(name)}: couldn't parse image name ${JSON.stringify(name)}: invalid reference format`,
      );
    }
    const stored = this.store.resolve(name);
    if (stored !== undefined) {
      const { reference, id, config, root } = stored;
      return { kind: 'stored', reference, imageId: id, config, root };
    }
    return this.#builtIn(parsed);
  }

  /** The image that serves exec into light pods. */
  host(): HostImage {
    return hostImage(names({ repository: 'docker.io/portolan/host', tag: 'latest' }, { cmd: ['/bin/sh'] }));
  }

  #builtIn(reference: ImageReference): RunnableImage | undefined {
    switch (reference.repository) {
      case 'docker.io/portolan/echo':
        return { kind: 'light', program: 'echo', ...names(reference, {}) };
      case 'docker.io/portolan/pause':
        return { kind: 'light', program: 'pause', ...names(reference, {}) };
      case 'docker.io/portolan/host':
        return hostImage(names(reference, { cmd: ['/bin/sh'] }));
      case 'docker.io/portolan/portolan':
        return portolanImage(reference, this.#program);
      default:
        return undefined;
    }
  }
}

/** What to tell somebody whose image is not there. */
export function missingImageMessage(image: string): string {
  return `no image ${JSON.stringify(image)} on this machine, and Portolan pulls none; load it with: portolan image load FILE.tar --name ${image}`;
}

function names(reference: ImageReference, config: Partial<ImageConfig>): ImageNames {
  const { repository } = reference;
  const digest = createHash('sha256').update(repository).digest('hex');
  return {
    reference: formatImageReference(reference),
    imageId: `${repository}@sha256:${digest}`,
    config: { ...EMPTY_IMAGE_CONFIG, env: [HOST_PATH], ...config },
  };
}

/** Mounted from the host as they are; links such as /bin -> usr/bin are made again. */
const HOST_DIRECTORY = /^(?:usr|bin|sbin|lib\w*|etc)$/;
/** The container's own. */
const OWN_DIRECTORIES = ['/tmp', '/run', '/var', '/var/tmp', '/home', '/root', '/mnt', '/opt', '/srv'];

function hostImage(image: ImageNames): HostImage {
  const found = readdirSync('/').filter((name) => HOST_DIRECTORY.test(name));
  const links: RootLink[] = [];
  const binds: RootBind[] = [];
  for (const name of found) {
    const path = `/${name}`;
    if (lstatSync(path).isSymbolicLink()) links.push({ path, target: readlinkSync(path) });
    else binds.push({ source: path, target: path, file: false, recursive: hasMountsBelow(path) });
  }
  return {
    kind: 'host',
    ...image,
    binds,
    links,
    directories: [...OWN_DIRECTORIES, ...resolverDirectories()],
    hidden: SECRET_DIRECTORIES.flatMap(secretsIn),
  };
}

/** How a container's root is made of it. */
export function hostRoot({ binds, links, directories, hidden }: HostImage): RootPlan {
  return { kind: 'binds', binds, links, directories, hidden };
}

/** Passwords and host keys: root in a container of a cluster that root started could read them. */
const SECRET_DIRECTORIES = ['/etc', '/etc/ssh'];
const SECRET = /^(?:g?shadow-?|ssh_host_\w+_key)$/;

function secretsIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory).filter((name) => SECRET.test(name));
  return names.map((name) => `${directory}/${name}`);
}

/**
 * Rootless, a mount below must not be left behind (the kernel refuses to uncover what is under it). It is read-only
 * like the rest.
 */
function hasMountsBelow(path: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4]?.startsWith(`${path}/`));
}

/** /etc/resolv.conf may be a link into /run: the folder must be there to mount the pod's own at its end. */
function resolverDirectories(): string[] {
  const target = resolverTarget();
  return target === '/etc/resolv.conf' ? [] : parents(dirname(target));
}

const parents = (path: string): string[] => (path === '/' ? [] : [...parents(dirname(path)), path]);

/** Where /etc/resolv.conf of the host leads. */
export function resolverTarget(): string {
  try {
    return resolve('/etc', readlinkSync('/etc/resolv.conf'));
  } catch {
    return '/etc/resolv.conf';
  }
}

const NODE_AT = '/portolan/node';
const PROGRAM_AT = '/portolan/program';

/** The host's programs with the running Node and this very program. */
function portolanImage(reference: ImageReference, program: ImagesOptions['program']): HostImage {
  const entry = join(PROGRAM_AT, program.entry);
  const host = hostImage(names(reference, { entrypoint: [NODE_AT, entry], workingDir: '/' }));
  return {
    ...host,
    binds: [
      ...host.binds,
      { source: process.execPath, target: NODE_AT, file: true, recursive: false },
      {
        source: program.directory,
        target: PROGRAM_AT,
        file: false,
        recursive: hasMountsBelow(program.directory),
      },
    ],
  };
}
