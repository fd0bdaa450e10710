import { resolve } from 'node:path';
import { noBlock, onlyArg, onlyOnce } from '#dns/corefile/arguments.ts';
import type { Plugin } from '#dns/plugin.ts';

/** `root FOLDER`: where relative file names of the server block begin. */
export const root: Plugin = {
  name: 'root',
  parse(directives, { root: before }) {
    const directive = onlyOnce(directives);
    noBlock(directive);
    const folder = resolve(before, onlyArg(directive, 'a folder'));
    return {
      explain: [`looks for files in ${folder}`],
      settings: { root: folder },
      setup: () => ({ name: 'root' }),
    };
  },
};
