import { join } from 'node:path';
import { dataHome } from '#cluster/state-dir.ts';
import { formatTable } from '#lib/table.ts';
import type { ImageStore } from '#node/image-store.ts';
import { OUTPUT_FLAG } from './cluster-flags.ts';
import { type Command, CommandError, type CommandIo, UsageError } from './command.ts';
import { parseFlags } from './flags.ts';

const LOAD_FLAGS = {
  name: { type: 'string' },
  entrypoint: { type: 'string' },
  cmd: { type: 'string' },
  env: { type: 'string', multiple: true },
  workdir: { type: 'string' },
} as const;

export const command: Command = {
  name: 'image',
  summary: 'Load, list and remove what image names in manifests run',
  help: `Usage: portolan image load FILE.tar|DIRECTORY [--name REF] [flags]
       portolan image list [-o json]
       portolan image remove REF…

Images are shared by all clusters of a user. An archive is one of docker save, an OCI archive, or a root
file system; a directory is a root file system or an OCI layout.

  --name REF         the name in manifests (default: the one in the archive)
  --entrypoint JSON  list of words; replaces the image's own
  --cmd JSON         list of words; replaces the image's own
  --env K=V          adds to the image's environment; repeatable
  --workdir DIR      replaces the image's own

Built in are portolan/echo, portolan/pause, portolan/host (this machine's programs) and portolan/portolan.

Examples:
  docker save nginx:1.29 | portolan image load /dev/stdin --name nginx:1.29
  portolan image load ./rootfs --name my/tool --entrypoint '["/bin/tool"]' --env MODE=test
  portolan image list
  portolan image remove my/tool
`,
  async run([action, ...argv], io) {
    const { ImageStore } = await import('#node/image-store.ts');
    const store = new ImageStore(join(dataHome(io.env), 'images'));
    if (action === 'load') return await load(store, argv, io);
    if (action === 'list') return list(store, argv, io);
    if (action === 'remove') return remove(store, argv, io);
    throw new UsageError(
      action === undefined
        ? 'load, list or remove is missing'
        : `${JSON.stringify(action)}: load, list or remove is expected`,
    );
  },
};

async function load(store: ImageStore, argv: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseFlags(LOAD_FLAGS, argv, { positionals: ['FILE.tar or DIRECTORY'] });
  const [source = ''] = positionals;
  for (const pair of values.env) {
    if (!pair.includes('=')) throw new UsageError(`--env ${pair}: NAME=VALUE is expected`);
  }
  try {
    const image = await store.load(source, {
      name: values.name,
      entrypoint: wordList('entrypoint', values.entrypoint),
      cmd: wordList('cmd', values.cmd),
      env: [...values.env],
      workdir: values.workdir,
    });
    io.stdout.write(`Loaded ${image.reference} (${megabytes(image.sizeBytes)}).\n`);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new CommandError(`${source}: ${(error as Error).message}`, { cause: error });
  }
}

function list(store: ImageStore, argv: readonly string[], io: CommandIo): number {
  const { values } = parseFlags(OUTPUT_FLAG, argv);
  const images = store.list();
  if (values.output === 'json') {
    io.stdout.write(`${JSON.stringify(images, null, 2)}\n`);
    return 0;
  }
  const rows = images.map(({ reference, id, sizeBytes, loadedAt }) => [
    reference,
    id.replace(/^sha256:/, '').slice(0, 12),
    megabytes(sizeBytes),
    loadedAt,
  ]);
  io.stdout.write(`${formatTable([['IMAGE', 'ID', 'SIZE', 'LOADED'], ...rows]).join('\n')}\n`);
  return 0;
}

function remove(store: ImageStore, argv: readonly string[], io: CommandIo): number {
  if (argv.length === 0) throw new UsageError('REF is missing');
  const { positionals } = parseFlags({}, argv, { positionals: argv.map(() => 'REF?') });
  let code = 0;
  for (const reference of positionals) {
    if (store.remove(reference)) io.stdout.write(`Removed ${reference}.\n`);
    else {
      io.stderr.write(`portolan image: there is no image ${reference}\n`);
      code = 1;
    }
  }
  return code;
}

function wordList(flag: string, text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((word) => typeof word === 'string')) return value;
  } catch {
    // Said below.
  }
  throw new UsageError(`--${flag} ${text}: a JSON list of strings such as '["/bin/sh","-c"]' is expected`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
