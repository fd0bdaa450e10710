// Rules of the repository that no compiler knows.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const sources = globSync(['src/**/*.ts', 'test/**/*.ts', 'tools/**/*.ts', 'bench/**/*.ts'], { cwd: root })
  .filter((path) => !path.endsWith('.gen.ts'))
  .sort();

describe('the repository', () => {
  it('has sources to check', () => {
    assert.ok(sources.length > 50, `${sources.length} files`);
  });

  it('has no file of more than 400 lines', () => {
    const long = sources.filter((path) => read(path).split('\n').length > 401);
    assert.deepEqual(long, []);
  });

  it('has generated types that are current', () => {
    const { status, stderr } = spawnSync(process.execPath, ['tools/generate-types.ts', '--check'], {
      cwd: root,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
  });

  it('names no registry in its lockfile', () => {
    const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { resolved?: string }> };
    const packages = Object.entries(lock.packages);
    assert.ok(packages.length > 20);
    assert.deepEqual(
      packages.filter(([, { resolved }]) => resolved !== undefined).map(([name]) => name),
      [],
    );
  });

  it('has an entry in its lockfile for the optional packages of every platform', () => {
    type Entry = { optionalDependencies?: Record<string, string> };
    const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Entry> };
    const optional = Object.values(packages).flatMap(({ optionalDependencies }) =>
      Object.keys(optionalDependencies ?? {}),
    );
    assert.ok(optional.length > 20);
    assert.deepEqual(
      optional.filter((name) => packages[`node_modules/${name}`] === undefined),
      [],
    );
  });

  it('gives a reason for every dependency', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
      string,
      Record<string, string>
    >;
    const reasons = read('docs/dependencies.md');
    const names = Object.keys({ ...dependencies, ...devDependencies }).filter(
      (name) => !name.startsWith('@types/'),
    );
    assert.ok(names.length > 0);
    assert.deepEqual(
      names.filter((name) => !reasons.includes(`\`${name}\``)),
      [],
    );
  });

  it('has a README in every component folder', () => {
    const components = [
      'apiserver',
      'controllers',
      'node',
      'serviceproxy',
      'dns',
      'cluster',
      'cli',
      'kube',
      'kernel',
    ];
    const present = new Set(globSync('src/*/README.md', { cwd: root }));
    assert.deepEqual(
      components.filter((name) => !present.has(`src/${name}/README.md`)),
      [],
    );
  });
});
