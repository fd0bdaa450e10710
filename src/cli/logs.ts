import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { logPath } from '#cluster/part-log.ts';
import { CLUSTER_FLAGS, CLUSTER_FLAGS_HELP, chooseCluster } from './cluster-flags.ts';
import { type Command, CommandError, type CommandIo } from './command.ts';
import { parseFlags } from './flags.ts';

const FOLLOW_POLL_MS = 200;

export const command: Command = {
  name: 'logs',
  summary: 'Print the logs of a part of the cluster',
  help: `Usage: portolan logs [PART] [flags]

Parts: cluster, supervisor, apiserver, controllers, fabric and the nodes by name. Without PART: all.
The logs are those of the last portolan up. For logs of pods use kubectl logs.

${CLUSTER_FLAGS_HELP}
  -f, --follow       go on until Ctrl-C

Examples:
  portolan logs
  portolan logs node-1 -f
`,
  async run(argv, io) {
    const flags = { ...CLUSTER_FLAGS, follow: { type: 'boolean', short: 'f' } } as const;
    const { values, positionals } = parseFlags(flags, argv, { positionals: ['PART?'] });
    const { name, paths } = chooseCluster(values, io);
    const [part] = positionals;
    const parts = existsSync(paths.logs) ? partsIn(paths.logs) : [];
    if (parts.length === 0) throw new CommandError(`cluster ${name} has no logs: it was never up`);
    if (part !== undefined && !parts.includes(part)) {
      throw new CommandError(`there is no part ${part}; there are ${parts.join(', ')}`);
    }
    const chosen = part === undefined ? parts : [part];
    const prefix = chosen.length > 1;
    await Promise.all(
      chosen.map((each) => print(logPath(paths.logs, each), prefix ? `${each}: ` : '', values.follow, io)),
    );
    return 0;
  },
};

function partsIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.log'))
    .map((file) => basename(file, '.log'))
    .sort();
}

async function print(path: string, prefix: string, follow: boolean, io: CommandIo): Promise<void> {
  let position = 0;
  let pending = '';
  for (;;) {
    const { size } = statSync(path);
    // Shorter than before: the cluster was brought up again.
    if (size < position) position = 0;
    if (size > position) {
      const stream = createReadStream(path, { start: position, end: size - 1, encoding: 'utf8' });
      await pipeline(stream, async (chunks) => {
        for await (const chunk of chunks) {
          const lines = (pending + String(chunk)).split('\n');
          pending = lines.pop() ?? '';
          for (const line of lines) io.stdout.write(`${prefix}${line}\n`);
        }
      });
      position = size;
    }
    if (!follow) break;
    await delay(FOLLOW_POLL_MS, undefined, { signal: io.signal }).catch(() => undefined);
    if (io.signal.aborted) return;
  }
  if (pending !== '') io.stdout.write(`${prefix}${pending}\n`);
}
