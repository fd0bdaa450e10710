import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InitStep } from './init-list.ts';
import { type ContainerInitPlan, planContainerInit } from './plan-container-init.ts';
import { planExecInit } from './plan-exec-init.ts';
import { planPauseInit } from './plan-pause-init.ts';
import { type ProcessPlan, planProcess } from './plan-process.ts';

const process: ProcessPlan = {
  argv: ['app', '-v'],
  env: ['PATH=/a:/b', 'X=1'],
  workingDirectory: '/work',
  uid: 0,
  gid: 0,
  groups: [0],
  capabilities: [0, 10],
  noNewPrivileges: false,
  tty: false,
  rootless: false,
  nullStreams: [],
  sockets: 0,
};
const plan: ContainerInitPlan = {
  rootDirectory: '/r',
  root: { kind: 'overlay', lower: '/l:1', upper: '/u', work: '/w' },
  readOnlyRoot: false,
  volumes: [],
  process,
  privileged: false,
  shmSize: 1024,
};
const purposes = (steps: readonly InitStep[]): string[] => steps.map(({ purpose }) => purpose);
const callsOf = (steps: readonly InitStep[]): string[] => steps.map(({ call }) => call);
const textOf = (argument: unknown): string | undefined => (argument as { text?: string } | undefined)?.text;

test('planContainerInit() opens everything before the root changes and attaches it afterwards', () => {
  const steps = planContainerInit({
    ...plan,
    volumes: [
      { source: '/v/deep', target: '/data/deep', readOnly: true, file: false },
      { source: '/v', target: '/data', readOnly: false, file: false },
    ],
  });
  const calls = callsOf(steps);
  const pivot = calls.indexOf('pivot_root');
  assert.ok(calls.lastIndexOf('open_tree') < pivot);
  assert.ok(calls.lastIndexOf('fsmount') < pivot);
  assert.ok(calls.indexOf('move_mount') > pivot);
  const all = purposes(steps);
  assert.ok(all.indexOf('mount /data') < all.indexOf('mount /data/deep'), 'parents first');
  assert.equal(calls.at(-1), 'execve');
});

test('planContainerInit() escapes overlay paths and asks for userxattr when rootless', () => {
  const options = (rootless: boolean): string | undefined => {
    const steps = planContainerInit({ ...plan, process: { ...process, rootless } });
    return textOf(steps.find(({ purpose }) => purpose === 'mount overlay at /r')?.args[4]);
  };
  assert.equal(options(false), 'lowerdir=/l\\:1,upperdir=/u,workdir=/w');
  assert.match(options(true) ?? '', /,userxattr$/);
});

test('planContainerInit() makes a tmpfs for an upper directory that would lie on an overlay', () => {
  const root = { kind: 'overlay', lower: '/l', upper: '/s/u', work: '/s/w', upperOnTmpfs: '/s' } as const;
  const all = purposes(planContainerInit({ ...plan, root }));
  assert.ok(all.indexOf('mount tmpfs at /s') >= 0);
  assert.ok(all.indexOf('mount tmpfs at /s') < all.indexOf('mount overlay at /r'));
});

test('planContainerInit() binds host paths read-only with their links and own directories', () => {
  const root = {
    kind: 'binds' as const,
    binds: [
      { source: '/usr', target: '/usr', file: false, recursive: false },
      { source: '/n', target: '/x/node', file: true, recursive: false },
    ],
    links: [{ path: '/bin', target: 'usr/bin' }],
    directories: ['/tmp'],
    hidden: ['/etc/shadow'],
  };
  const all = purposes(planContainerInit({ ...plan, root }));
  for (const purpose of [
    'mount tmpfs at /r',
    'link /bin to usr/bin',
    'make file /x/node',
    'mount /x/node',
    'bind /usr: set mount attributes',
    'hide /etc/shadow',
  ]) {
    assert.ok(all.includes(purpose), purpose);
  }
});

test('planContainerInit() masks and protects unless privileged, and makes the root read-only last', () => {
  const all = purposes(planContainerInit({ ...plan, readOnlyRoot: true }));
  assert.ok(all.includes('mask /proc/kcore') && all.includes('protect /proc/sys'));
  assert.ok(all.indexOf('make the root read-only') > all.indexOf('make directory /work'));
  assert.ok(!purposes(planContainerInit({ ...plan, privileged: true })).includes('mask /proc/kcore'));
});

test('planContainerInit() opens a subPath beneath its volume, making directories on the way', () => {
  const steps = planContainerInit({
    ...plan,
    volumes: [{ source: '/v', subPath: './a/b', target: '/t', readOnly: false, file: false }],
  });
  const opened = steps.filter(({ call }) => call === 'openat2').map(({ args }) => textOf(args[1]));
  assert.deepEqual(opened, ['a', 'a/b']);
  assert.equal(
    steps
      .filter(({ call }) => call === 'mkdirat')
      .map(({ args }) => textOf(args[1]))
      .filter((text) => text === 'a' || text === 'b').length,
    2,
  );
  const whole = planContainerInit({
    ...plan,
    volumes: [{ source: '/v', subPath: '.', target: '/t', readOnly: false, file: true }],
  });
  assert.ok(whole.some(({ args }) => textOf(args[1]) === '.'));
});

test('planProcess() tries each directory of PATH, then reports', () => {
  const tried = planProcess(process).filter(({ call }) => call === 'execve');
  assert.deepEqual(
    tried.map(({ args, ignore }) => [textOf(args[0]), ignore]),
    [
      ['/a/app', 'missing'],
      ['/b/app', 'missing'],
      ['/b/app', undefined],
    ],
  );
  const direct = planProcess({ ...process, argv: ['./app'] }).filter(({ call }) => call === 'execve');
  assert.deepEqual(
    direct.map(({ args }) => textOf(args[0])),
    ['./app'],
  );
  assert.throws(() => planProcess({ ...process, argv: [] }), /no command/);
});

test('planProcess() drops what is not kept, changes user last and dies with its parent still', () => {
  const steps = planProcess({ ...process, uid: 7, gid: 8, groups: [8, 9], noNewPrivileges: true });
  const calls = callsOf(steps);
  assert.equal(steps.filter(({ purpose }) => purpose.startsWith('drop capability')).length, 39);
  assert.ok(
    calls.indexOf('setgroups') < calls.indexOf('setresgid') &&
      calls.indexOf('setresgid') < calls.indexOf('setresuid'),
  );
  assert.ok(purposes(steps).lastIndexOf('die with the node') > calls.indexOf('setresuid'));
  assert.ok(purposes(steps).includes('allow no new privileges'));
  assert.ok(!calls.includes('capset'), 'an ordinary user has no capabilities to set');
  assert.ok(!callsOf(planProcess({ ...process, rootless: true })).includes('setgroups'));
});

test('planExecInit() joins the mount namespace of the process', () => {
  const steps = planExecInit(42, { ...process, tty: true });
  assert.ok(steps.some(({ args }) => textOf(args[1]) === '/proc/42/ns/mnt'));
  assert.ok(callsOf(steps).indexOf('setns') < callsOf(steps).indexOf('chdir'));
  assert.ok(callsOf(steps).includes('ioctl'));
});

test('planProcess() begins with a keyring of its own', () => {
  assert.equal(callsOf(planProcess(process))[0], 'keyctl');
});

test('planProcess() opens unused standard streams anew and owns only the others', () => {
  const steps = planProcess({ ...process, uid: 7, nullStreams: [0] });
  const moved = steps.filter(({ call }) => call === 'dup3').map(({ args }) => args[1]);
  assert.deepEqual(moved, [0]);
  const owned = steps.filter(({ call }) => call === 'fchown').map(({ args }) => args[0]);
  assert.deepEqual(owned, [1, 2]);
});

test('planContainerInit() lets only a privileged container open devices that it makes', () => {
  const flagsOfDev = (privileged: boolean): unknown =>
    planContainerInit({ ...plan, privileged }).find(({ purpose }) => purpose === 'mount tmpfs at /dev')
      ?.args[3];
  assert.deepEqual([flagsOfDev(false), flagsOfDev(true)], [6, 2]);
});

test('planPauseInit() waits, with neither files nor rights nor descriptors of the node', () => {
  const calls = callsOf(planPauseInit());
  assert.equal(calls.at(-1), 'ppoll');
  assert.ok(calls.indexOf('pivot_root') < calls.indexOf('capset'));
  const closed = planPauseInit().flatMap(({ call, args }) =>
    call.startsWith('close') ? [args.slice(0, 2)] : [],
  );
  assert.deepEqual(closed, [[3, 99], [101, 0xffffffff], [0], [1], [2], [100]]);
});
