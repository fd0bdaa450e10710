import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BLOCK_ADDRESS, BLOCK_SIZE, RECORD, RECORDS_AT } from './block.ts';
import type { Architecture } from './elf.ts';
import { decodeInitReport, encodeInitList, InitBlockOverflow, type InitStep } from './init-list.ts';
import { hostArchitecture, initProgram } from './init-program.ts';

interface Outcome {
  status: number | null;
  stdout: string;
  report: Buffer;
}

/** Runs the init as an ordinary program, block on 3, report on 4; through an emulator for the other architecture. */
function run(steps: readonly InitStep[], architecture: Architecture, emulator: string[]): Outcome {
  const directory = mkdtempSync(join(tmpdir(), 'portolan-init-'));
  try {
    const [program, block, report] = ['init', 'block', 'report'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(program, initProgram(architecture), { mode: 0o755 });
    writeFileSync(block, encodeInitList(steps, architecture));
    const fds = [openSync(block, 'r'), openSync(report, 'w')];
    const { status, stdout } = spawnSync(emulator[0] ?? program, emulator.length > 0 ? [program] : [], {
      stdio: ['ignore', 'pipe', 'inherit', ...fds],
      encoding: 'utf8',
    });
    for (const fd of fds) closeSync(fd);
    return { status, stdout, report: readFileSync(report) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const AT_FDCWD = -100;
const step = (call: InitStep['call'], args: InitStep['args'], more: Partial<InitStep> = {}): InitStep => ({
  call,
  args,
  purpose: call,
  ...more,
});
const echo = step('execve', [
  { text: '/bin/sh' },
  { texts: ['sh', '-c', 'echo $A; cat'] },
  { texts: ['A=b'] },
]);

const QEMU = 'qemu-aarch64-static';
const hasQemu = spawnSync(QEMU, ['--version']).status === 0;
const machines: [Architecture, string[], string | false][] = [
  ['x64', [], process.arch === 'x64' ? false : 'not this machine'],
  [
    'arm64',
    process.arch === 'arm64' ? [] : [QEMU],
    process.arch === 'arm64' || hasQemu ? false : `no ${QEMU}`,
  ],
];

for (const [architecture, emulator, skip] of machines) {
  test(`the init runs its list, passes results on and ignores what may fail (${architecture})`, {
    skip,
  }, () => {
    const steps = [
      step('chdir', [{ text: '/nonexistent' }], { ignore: 'any' }),
      step('openat', [AT_FDCWD, { text: '/proc/sys/kernel/ostype' }, 0, 0], { name: 'file' }),
      step('dup3', [{ result: 'file' }, 0, 0]),
      step('execve', [{ text: '/nonexistent' }, { texts: ['x'] }, { texts: [] }], { ignore: 'missing' }),
      echo,
    ];
    assert.deepEqual(run(steps, architecture, emulator), {
      status: 0,
      stdout: 'b\nLinux\n',
      report: Buffer.alloc(0),
    });
  });

  test(`the init reports index and errno of what failed (${architecture})`, { skip }, () => {
    const failed = run(
      [step('chdir', [{ text: '/' }]), step('chdir', [{ text: '/nonexistent' }]), echo],
      architecture,
      emulator,
    );
    assert.equal(failed.status, 127);
    assert.equal(failed.stdout, '');
    assert.deepEqual(decodeInitReport(failed.report), { index: 1, errno: 2 });
    const notMissing = run(
      [step('chdir', [{ text: '/proc/version' }], { ignore: 'missing' }), echo],
      architecture,
      emulator,
    );
    assert.deepEqual(decodeInitReport(notMissing.report), { index: 0, errno: 20 });
  });
}

test('initProgram() is a small static ELF for each machine', () => {
  for (const [architecture, machine] of [
    ['x64', 62],
    ['arm64', 183],
  ] as const) {
    const elf = Buffer.from(initProgram(architecture));
    assert.equal(elf.toString('latin1', 1, 4), 'ELF');
    assert.equal(elf.readUInt16LE(18), machine);
    assert.ok(elf.length < 1024);
  }
  assert.throws(() => hostArchitecture('riscv64'), /no container init for riscv64/);
});

test('encodeInitList() writes records, pointers into the block and addresses of results', () => {
  const block = Buffer.from(
    encodeInitList(
      [
        step('openat', [-1, { text: 'same' }], { name: 'fd' }),
        step('close', [{ result: 'fd' }], { ignore: 'any' }),
        step('chdir', [{ text: 'same' }], { ignore: 'missing' }),
      ],
      'x64',
    ),
  );
  const word = (record: number, at: number): bigint =>
    block.readBigUInt64LE(RECORDS_AT + record * RECORD.size + at);
  assert.equal(block.readBigUInt64LE(0), 3n);
  assert.equal(word(0, RECORD.number), 257n);
  assert.equal(word(0, RECORD.args), 0xffff_ffff_ffff_ffffn);
  assert.equal(word(0, RECORD.args + 8), word(2, RECORD.args), 'equal texts are stored once');
  assert.equal(word(1, RECORD.args), BigInt(BLOCK_ADDRESS + RECORDS_AT + RECORD.result));
  assert.equal(word(1, RECORD.flags), 0x101n);
  assert.equal(word(2, RECORD.flags), 0x200n);
  const textAt = Number(word(2, RECORD.args)) - BLOCK_ADDRESS;
  assert.equal(block.toString('latin1', textAt, textAt + 5), 'same\0');
});

test('encodeInitList() refuses what does not fit and results of nobody', () => {
  const huge = step('execve', [{ text: 'x'.repeat(BLOCK_SIZE) }]);
  assert.throws(() => encodeInitList([huge], 'x64'), InitBlockOverflow);
  assert.throws(
    () => encodeInitList([step('close', [{ result: 'nobody' }])], 'x64'),
    /no earlier step is named nobody/,
  );
  assert.equal(decodeInitReport(Buffer.alloc(3)), null);
});
