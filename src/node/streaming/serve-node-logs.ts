/** Files of the node's log directory, as a web server shows them: `kubectl get --raw /api/v1/nodes/NAME/proxy/logs/`. */
import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ContainerAccessError } from '#node/container-access.ts';

/** Rejects with a ContainerAccessError for what is not there, links out of the directory included. */
export async function serveNodeLogs(
  response: ServerResponse,
  directory: string | undefined,
  path: readonly string[],
): Promise<void> {
  const file = directory === undefined ? undefined : await findInside(directory, path);
  if (file === undefined)
    throw new ContainerAccessError('notFound', `there is no log ${path.join('/')} on this node`);
  const found = await stat(file);
  if (found.isDirectory()) {
    const entries = await readdir(file, { withFileTypes: true });
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(listing(entries));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  await pipeline(createReadStream(file), response);
}

async function findInside(directory: string, path: readonly string[]): Promise<string | undefined> {
  try {
    const [root, file] = await Promise.all([realpath(directory), realpath(join(directory, ...path))]);
    return file === root || file.startsWith(root + sep) ? file : undefined;
  } catch {
    return undefined;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function listing(entries: readonly { name: string; isDirectory(): boolean }[]): string {
  const links = entries.map((entry) => {
    const name = `${entry.name}${entry.isDirectory() ? '/' : ''}`;
    const text = name.replaceAll(/[&<>"]/g, (character) => ESCAPES[character] ?? character);
    return `<a href="${encodeURIComponent(entry.name)}${entry.isDirectory() ? '/' : ''}">${text}</a>\n`;
  });
  return `<pre>\n${links.toSorted().join('')}</pre>\n`;
}
