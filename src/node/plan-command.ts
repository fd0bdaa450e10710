import type { Container } from '#api/core/v1.gen.ts';
import type { ImageConfig } from './image-archive.ts';
import { expand } from './plan-expansion.ts';

/** What a container runs: command replaces the entrypoint, args replace the arguments; a command alone drops both. */
export function planCommand(
  container: Pick<Container, 'command' | 'args'>,
  image: Pick<ImageConfig, 'entrypoint' | 'cmd'>,
  environment: ReadonlyMap<string, string>,
): string[] {
  const expanded = (words: readonly string[]): string[] =>
    words.map((word) => expand(word, (name) => environment.get(name)));
  const { command = [], args = [] } = container;
  if (command.length > 0) return expanded([...command, ...args]);
  if (args.length > 0) return [...image.entrypoint, ...expanded(args)];
  return [...image.entrypoint, ...image.cmd];
}

/** The image's variables under those of the container, as `NAME=value`, with HOSTNAME as container engines add it. */
export function planProcessEnvironment(
  imageEnv: readonly string[],
  environment: ReadonlyMap<string, string>,
  hostname: string,
  tty: boolean,
): string[] {
  const merged = new Map<string, string>([['HOSTNAME', hostname]]);
  if (tty) merged.set('TERM', 'xterm');
  merged.set('PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin');
  for (const entry of imageEnv) {
    const equals = entry.indexOf('=');
    merged.set(equals < 0 ? entry : entry.slice(0, equals), equals < 0 ? '' : entry.slice(equals + 1));
  }
  for (const [name, value] of environment) merged.set(name, value);
  return [...merged].map(([name, value]) => `${name}=${value}`);
}
