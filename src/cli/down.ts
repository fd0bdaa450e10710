import { setTimeout as delay } from 'node:timers/promises';
import { ControlClient, NotUpError } from '#cluster/control-client.ts';
import { CLUSTER_FLAGS, CLUSTER_FLAGS_HELP, chooseCluster } from './cluster-flags.ts';
import { type Command, CommandError } from './command.ts';
import { parseFlags } from './flags.ts';

const END_TIMEOUT_MS = 30_000;
const POLL_MS = 10;

export const command: Command = {
  name: 'down',
  summary: 'Take a cluster down; its objects are kept',
  help: `Usage: portolan down [flags]

Ends a cluster with all its processes. What it keeps stays in its data directory: the next portolan up
finds the objects of last time. Remove the directory to be rid of it for good.

${CLUSTER_FLAGS_HELP}

Examples:
  portolan down
  portolan down --name blue
`,
  async run(argv, io) {
    const { values } = parseFlags(CLUSTER_FLAGS, argv);
    const { name, paths } = chooseCluster(values, io);
    const control = new ControlClient(paths);
    try {
      const { pid } = await control.status();
      await control.down();
      await untilGone(pid, name);
      io.stdout.write(`Cluster ${name} is down.\n`);
    } catch (error) {
      if (!(error instanceof NotUpError)) throw error;
      io.stdout.write(`Cluster ${name} is not up.\n`);
    }
    return 0;
  },
};

/** With the supervisor, process 1 of its namespace, everything below it has ended. */
async function untilGone(pid: number, name: string): Promise<void> {
  const deadline = performance.now() + END_TIMEOUT_MS;
  while (isAlive(pid)) {
    if (performance.now() > deadline) {
      throw new CommandError(`cluster ${name} (process ${pid}) did not end in ${END_TIMEOUT_MS / 1000} s`);
    }
    await delay(POLL_MS);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
