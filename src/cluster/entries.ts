import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { workerFile } from '#os/worker-file.ts';

/** Threads that start from a file of their own; in the bundle each of these is an entry of its own. */
export type WorkerEntry = 'apiserver-worker' | 'controllers-worker' | 'fabric-worker' | 'node-worker';

/** Where a thread's file lies. */
export function workerEntryUrl(entry: WorkerEntry): URL {
  return workerFile(entry, import.meta.url);
}

/** The words that start this very program again: Node, its flags, the program's main file. */
export function ownCommand(): [string, ...string[]] {
  return [process.execPath, '--disable-warning=ExperimentalWarning', mainFile()];
}

/**
 * What the image portolan/portolan is made of: the folder that holds this program with the packages that it imports,
 * and its main file, relative to that folder.
 */
export function ownProgram(): { readonly directory: string; readonly entry: string } {
  const file = mainFile();
  const packages = file.lastIndexOf('/node_modules/');
  const installed = packages < 0 ? undefined : file.slice(0, packages);
  const directory = installed ?? resolve(file, file.endsWith('.ts') ? '../../..' : '../..');
  return { directory, entry: relative(directory, file) };
}

function mainFile(): string {
  if (import.meta.url.endsWith('.ts')) return fileURLToPath(new URL('../cli/main.ts', import.meta.url));
  const inChunk = import.meta.url.includes('/chunks/');
  return fileURLToPath(new URL(`${inChunk ? '../' : './'}main.js`, import.meta.url));
}
