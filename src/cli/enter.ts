import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { ControlClient, ControlError, NotUpError } from '#cluster/control-client.ts';
import type { EnterTarget } from '#cluster/status.ts';
import { CLUSTER_FLAGS, CLUSTER_FLAGS_HELP, chooseCluster } from './cluster-flags.ts';
import { type Command, CommandError } from './command.ts';
import { parseFlags } from './flags.ts';

export const command: Command = {
  name: 'enter',
  summary: 'Run a shell or a command in the network of a node, a pod or the outside host',
  help: `Usage: portolan enter outside|node/NAME|pod/NAMESPACE/NAME [flags] [-- COMMAND…]

The command sees this machine's files and the network (of a pod also host name and IPC) of the target.
Its exit code is the command's. Without COMMAND: $SHELL.

${CLUSTER_FLAGS_HELP}

Examples:
  portolan enter node/node-1
  portolan enter node/node-1 -- nft list ruleset
  portolan enter pod/default/web-0 -- ss -tln
  portolan enter outside -- curl http://172.30.0.11:30080/
`,
  async run(argv, io) {
    const { values, positionals, rest } = parseFlags(CLUSTER_FLAGS, argv, {
      positionals: ['TARGET'],
      rest: true,
    });
    const { name, paths } = chooseCluster(values, io);
    const [target = ''] = positionals;
    try {
      const found = await new ControlClient(paths).enter(target);
      const words = rest === undefined || rest.length === 0 ? [io.env['SHELL'] ?? '/bin/sh'] : rest;
      return await runInside(found, words);
    } catch (error) {
      if (error instanceof NotUpError) throw new CommandError(`cluster ${name} is not up`);
      if (error instanceof ControlError) throw new CommandError(error.message);
      throw error;
    }
  },
};

/** The namespaces are found through the descriptors that the supervisor holds. */
function runInside({ pid, net, uts, ipc }: EnterTarget, words: readonly string[]): Promise<number> {
  const flags = [
    ...(ownsItsUsers(pid) ? [`--user=/proc/${pid}/ns/user`, '--preserve-credentials'] : []),
    `--net=/proc/${pid}/fd/${net}`,
    ...(uts === undefined ? [] : [`--uts=/proc/${pid}/fd/${uts}`]),
    ...(ipc === undefined ? [] : [`--ipc=/proc/${pid}/fd/${ipc}`]),
  ];
  const child = spawn('nsenter', [...flags, '--', ...words], { stdio: 'inherit' });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', (error: NodeJS.ErrnoException) => {
    reject(
      error.code === 'ENOENT'
        ? new CommandError('nsenter(1) is not on the PATH: it comes with util-linux')
        : error,
    );
  });
  child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  return promise;
}

/** Whether the supervisor has a user namespace of its own, as without root. */
function ownsItsUsers(pid: number): boolean {
  try {
    return statSync(`/proc/${pid}/ns/user`).ino !== statSync('/proc/self/ns/user').ino;
  } catch (error) {
    const uid = /^Uid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    throw new CommandError(`the cluster runs as another user (uid ${uid}): enter as that one`, {
      cause: error,
    });
  }
}
