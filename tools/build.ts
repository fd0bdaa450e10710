// Bundles the program into dist/: what is installed with npm is JavaScript, since Node strips no types below
// node_modules. Every file that is started by its path (the program, each worker) is an entry of its own.
import { globSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const entries = [join(root, 'src/cli/main.ts'), ...globSync(join(root, 'src/**/*-worker.ts'))];
const outdir = join(root, 'dist');

rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: entries.map((path) => ({ in: path, out: basename(path, '.ts') })),
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  packages: 'external',
  chunkNames: 'chunks/[name]-[hash]',
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'warning',
});
