import { join, resolve } from 'node:path';
import { dataHome, type StatePaths, statePaths } from '#cluster/state-dir.ts';
import { type CommandIo, UsageError } from './command.ts';
import type { Flag } from './flags.ts';

/** Flags of every command that speaks of one cluster. */
export const CLUSTER_FLAGS = {
  name: { type: 'string' },
  'data-dir': { type: 'string' },
} as const satisfies Record<string, Flag>;

export const CLUSTER_FLAGS_HELP = `  --name NAME        which cluster (default "default")
  --data-dir DIR     where it keeps everything (default $XDG_DATA_HOME/portolan/clusters/NAME)`;

export const OUTPUT_FLAG = {
  output: { type: 'string', short: 'o', values: ['text', 'json'] },
} as const satisfies Record<string, Flag>;

export interface ChosenCluster {
  readonly name: string;
  readonly paths: StatePaths;
  /** The image store, shared by all clusters of a user. */
  readonly imagesDir: string;
}

/** Which cluster is meant. Throws UsageError for a name that is no DNS label. */
export function chooseCluster(
  values: { readonly name: string | undefined; readonly 'data-dir': string | undefined },
  io: CommandIo,
): ChosenCluster {
  const name = values.name ?? 'default';
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) {
    throw new UsageError(`--name ${name}: lower case letters, digits and dashes are expected, at most 63`);
  }
  const home = dataHome(io.env);
  const dir = values['data-dir'] === undefined ? join(home, 'clusters', name) : resolve(values['data-dir']);
  return { name, paths: statePaths(dir), imagesDir: join(home, 'images') };
}

/** The words that choose this cluster again: ` --name blue`, or nothing for the default one. */
export function againWords(values: {
  readonly name: string | undefined;
  readonly 'data-dir': string | undefined;
}): string {
  const name = values.name === undefined ? '' : ` --name ${values.name}`;
  return values['data-dir'] === undefined ? name : `${name} --data-dir ${values['data-dir']}`;
}
