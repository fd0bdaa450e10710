// kubectl, the judge of the API server: the one that KUBECTL names, else one built from its Go module, else the PATH's.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const VERSION = 'v1.37.1';
const MODULE = join(import.meta.dirname, '../peers/kubectl');

/** The path of a kubectl to test with, or why there is none. In CI a missing kubectl is an error. */
export function findKubectl(): { path: string } | { skip: string } {
  const named = process.env['KUBECTL'];
  if (named) return { path: named };
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const built = join(cache, 'portolan-test', `kubectl-${VERSION}`);
  if (existsSync(built) || (onPath('go') && build(built))) return { path: built };
  if (process.env['CI'] === 'true')
    throw new Error(`no kubectl: set KUBECTL, or install Go so that ${MODULE} builds`);
  const found = onPath('kubectl');
  return found
    ? { path: found }
    : { skip: 'neither KUBECTL, nor Go to build kubectl, nor a kubectl on the PATH' };
}

function onPath(program: string): string | undefined {
  const { stdout, status } = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

function build(target: string): boolean {
  mkdirSync(join(target, '..'), { recursive: true });
  const making = `${target}.${process.pid}`;
  const version = 'k8s.io/component-base/version';
  const flags = `-s -w -X ${version}.gitVersion=${VERSION} -X ${version}.gitMajor=1 -X ${version}.gitMinor=37`;
  const { status, stderr } = spawnSync('go', ['build', '-trimpath', '-ldflags', flags, '-o', making, '.'], {
    cwd: MODULE,
    encoding: 'utf8',
    env: { ...process.env, CGO_ENABLED: '0' },
  });
  if (status !== 0) {
    if (process.env['CI'] === 'true') throw new Error(`go build of kubectl: ${stderr}`);
    return false;
  }
  renameSync(making, target);
  return true;
}

// Run as a program it prints the path.
if (import.meta.main) {
  const found = findKubectl();
  if ('skip' in found) throw new Error(found.skip);
  console.log(found.path);
}
