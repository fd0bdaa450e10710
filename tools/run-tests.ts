// Runs the tests and holds the line coverage of the pure folders.
//
//   node tools/run-tests.ts [FILE…]     without files: every *.test.ts under src and test, with coverage
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const PURE = ['src/lib/**', 'src/wire/**', 'src/api/**', 'src/**/plan*.ts'];
const LINE_COVERAGE_PERCENT = 90;

const named = process.argv.slice(2);
const files =
  named.length > 0 ? named : globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root }).sort();
if (files.length === 0) throw new Error(`no *.test.ts under ${root}`);

const coverage = [
  '--experimental-test-coverage',
  `--test-coverage-lines=${LINE_COVERAGE_PERCENT}`,
  ...PURE.map((pattern) => `--test-coverage-include=${pattern}`),
  '--test-coverage-exclude=**/*.test.ts',
];
const args = ['--test', '--test-concurrency=2', ...(named.length > 0 ? [] : coverage), ...files];
const { status, signal } = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
  cwd: root,
  stdio: 'inherit',
});
if (signal) console.error(`the test runner ended by ${signal}`);
process.exitCode = status ?? 1;
