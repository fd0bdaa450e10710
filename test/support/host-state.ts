// What of this machine a cluster must leave as it is: links, rules, nf_tables, mounts.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A picture of the host's network and mounts, to be compared with a later one. */
export function hostState(): Record<string, string> {
  return {
    links: stdout('ip', ['-o', 'link']).replace(/ (?:qlen|state) \S+/g, ''),
    addresses: stdout('ip', ['-o', 'addr']),
    routes: stdout('ip', ['route', 'show', 'table', 'all']),
    rules: stdout('ip', ['rule']) + stdout('ip', ['-6', 'rule']),
    nftables: stdout('nft', ['list', 'ruleset']),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8'),
    namespaces: stdout('ip', ['netns']),
  };
}

/** Numbers of the processes whose command line names this text. */
export function processesNaming(text: string): number[] {
  return processes().filter((pid) => readOf(pid, 'cmdline').includes(text));
}

/** A process and all below it, as the kernel links them. */
export function processTree(root: number): number[] {
  const parents = new Map(processes().map((pid) => [pid, parentOf(pid)]));
  const tree = [root];
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  return tree;
}

/** Those of these processes that are still there. */
export function alive(pids: readonly number[]): number[] {
  return pids.filter((pid) => {
    try {
      readlinkSync(`/proc/${pid}/exe`);
      return true;
    } catch {
      return false;
    }
  });
}

function processes(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function parentOf(pid: number): number {
  const stat = readOf(pid, 'stat');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

function readOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function stdout(program: string, args: string[]): string {
  const { stdout: text, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  return text ?? '';
}
