/**
 * Where the file of a thread lies: in a checkout beside the file that starts it (whose `import.meta.url` is `from`),
 * when installed above the bundle's chunks, where each is an entry of its own.
 */
export function workerFile(name: string, from: string): URL {
  if (from.endsWith('.ts')) return new URL(`./${name}.ts`, from);
  return new URL(`${from.includes('/chunks/') ? '../' : './'}${name}.js`, from);
}
