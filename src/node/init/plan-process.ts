/** The end of every list: who the process is and what it runs. Pure. */
import { CAPABILITIES } from './capabilities.ts';
import {
  AT_FDCWD,
  CAPABILITY_VERSION_3,
  O_CLOEXEC,
  O_RDWR,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAPBSET_DROP,
  PR_SET_NO_NEW_PRIVS,
} from './constants.ts';
import type { InitStep } from './init-list.ts';
import { closeDescriptors, dieWithParent, ownKeyring } from './steps.ts';

export interface ProcessPlan {
  argv: readonly string[];
  /** `NAME=value`, in order. */
  env: readonly string[];
  /** Made if it is missing. */
  workingDirectory: string;
  uid: number;
  gid: number;
  /** Supplementary groups; not set when rootless, where only one group is mapped. */
  groups: readonly number[];
  /** Capability numbers that stay. */
  capabilities: readonly number[];
  noNewPrivileges: boolean;
  /** Descriptor 0 is a terminal and becomes the controlling one. */
  tty: boolean;
  rootless: boolean;
  /** Standard streams that lead nowhere: they become /dev/null of the container, which is not the host's to change. */
  nullStreams: readonly number[];
  /** How many sockets of the node's the program has, from descriptor 3 on. */
  sockets: number;
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Credentials, capabilities, then execve of the first program found. */
export function planProcess(plan: ProcessPlan): InitStep[] {
  return [
    ownKeyring(),
    ...planNullStreams(plan.nullStreams),
    ...planCredentials(plan),
    dieWithParent(),
    ...closeDescriptors(plan.sockets),
    ...planExec(plan),
  ];
}

function planNullStreams(streams: readonly number[]): InitStep[] {
  if (streams.length === 0) return [];
  const purpose = 'open /dev/null';
  return [
    {
      call: 'openat',
      args: [AT_FDCWD, { text: '/dev/null' }, O_RDWR | O_CLOEXEC, 0],
      purpose,
      name: 'null',
    },
    ...streams.map((fd): InitStep => ({ call: 'dup3', args: [{ result: 'null' }, fd, 0], purpose })),
  ];
}

function planCredentials(plan: ProcessPlan): InitStep[] {
  const steps: InitStep[] = [];
  const keep = new Set(plan.capabilities);
  // Standard streams made by the node belong to root: an unprivileged program reopens them through /dev/stdout.
  if (plan.uid !== 0) {
    for (const fd of [0, 1, 2]) {
      if (plan.nullStreams.includes(fd)) continue;
      steps.push({
        call: 'fchown',
        args: [fd, plan.uid, -1],
        purpose: 'own the standard streams',
        ignore: 'any',
      });
    }
  }
  if (!plan.rootless) {
    const groups = Uint32Array.from(plan.groups);
    const list = { bytes: new Uint8Array(groups.buffer) };
    steps.push({ call: 'setgroups', args: [groups.length, list], purpose: 'set supplementary groups' });
  }
  if (plan.gid !== 0) {
    steps.push({
      call: 'setresgid',
      args: [plan.gid, plan.gid, plan.gid],
      purpose: `become group ${plan.gid}`,
    });
  }
  CAPABILITIES.forEach((name, number) => {
    if (keep.has(number)) return;
    // A kernel that does not know the newest capabilities answers EINVAL: there is nothing to drop then.
    const ignore = number > 37 ? { ignore: 'any' as const } : {};
    steps.push({
      call: 'prctl',
      args: [PR_CAPBSET_DROP, number],
      purpose: `drop capability ${name}`,
      ...ignore,
    });
  });
  if (plan.uid !== 0) {
    steps.push({
      call: 'setresuid',
      args: [plan.uid, plan.uid, plan.uid],
      purpose: `become user ${plan.uid}`,
    });
  }
  steps.push({
    call: 'prctl',
    args: [PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0],
    purpose: 'drop ambient capabilities',
    ignore: 'any',
  });
  if (plan.uid === 0) steps.push(setCapabilities(plan.capabilities));
  if (plan.noNewPrivileges) {
    steps.push({
      call: 'prctl',
      args: [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0],
      purpose: 'allow no new privileges',
    });
  }
  return steps;
}

/** capset(2): effective and permitted are the set, inheritable is empty. */
export function setCapabilities(numbers: readonly number[]): InitStep {
  const header = new Uint32Array([CAPABILITY_VERSION_3, 0]);
  const data = new Uint32Array(6);
  for (const number of numbers) {
    const half = number >> 5;
    for (const word of [half * 3, half * 3 + 1])
      data[word] = ((data[word] ?? 0) | (1 << (number & 31))) >>> 0;
  }
  return {
    call: 'capset',
    args: [{ bytes: new Uint8Array(header.buffer) }, { bytes: new Uint8Array(data.buffer) }],
    purpose: 'set capabilities',
  };
}

/** What execve is tried with, in order: the name itself if it has a slash, else each directory of the container's PATH. */
function planExec(plan: ProcessPlan): InitStep[] {
  const [program] = plan.argv;
  if (program === undefined || program === '') throw new Error('no command given and the image has none');
  const tail = [{ texts: plan.argv }, { texts: plan.env }];
  const failed = execPurpose(program);
  if (program.includes('/')) return [{ call: 'execve', args: [{ text: program }, ...tail], purpose: failed }];
  const path = plan.env.findLast((entry) => entry.startsWith('PATH='))?.slice(5) ?? DEFAULT_PATH;
  const candidates = path.split(':').map((directory) => `${directory === '' ? '.' : directory}/${program}`);
  const steps = candidates.map(
    (candidate): InitStep => ({
      call: 'execve',
      args: [{ text: candidate }, ...tail],
      purpose: failed,
      ignore: 'missing',
    }),
  );
  return [
    ...steps,
    { call: 'execve', args: [{ text: candidates.at(-1) ?? program }, ...tail], purpose: failed },
  ];
}

const execPurpose = (program: string): string => `exec: ${JSON.stringify(program)}`;
