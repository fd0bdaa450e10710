import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import http from 'node:http';
import { dirname, join } from 'node:path';
import type { Pod } from '#api/core/v1.gen.ts';

export const isReady = (pod: Pod): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
export const hasPhase =
  (phase: string) =>
  (pod: Pod): boolean =>
    pod.status?.phase === phase;
/** A container of the host's shell that runs this. */
export const shell = (script: string): { image: string; command: string[] } => ({
  image: 'portolan/host',
  command: ['sh', '-c', script],
});

/** A root file system of nothing but a shell and its libraries. */
export function makeRootfs(root: string): void {
  const libraries = execFileSync('ldd', ['/bin/sh'], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const path of ['/bin/sh', ...libraries]) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
}

/** The body of what `GET /` answers there. */
export function get(address: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    http
      .get({ host: address, port, agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve(text));
      })
      .on('error', reject);
  });
}
