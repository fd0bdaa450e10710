import { ControlClient, NotUpError } from '#cluster/control-client.ts';
import { CLUSTER_FLAGS, CLUSTER_FLAGS_HELP, chooseCluster, OUTPUT_FLAG } from './cluster-flags.ts';
import { type Command, CommandError } from './command.ts';
import { parseFlags } from './flags.ts';
import { formatStatus } from './status-text.ts';

export const command: Command = {
  name: 'status',
  summary: 'Show a running cluster: nodes, addresses, what is published on this machine',
  help: `Usage: portolan status [flags]

Exits with 1 when the cluster is not up.

${CLUSTER_FLAGS_HELP}
  -o, --output json  print everything as JSON

Examples:
  portolan status
  portolan status --name blue -o json
`,
  async run(argv, io) {
    const { values } = parseFlags({ ...CLUSTER_FLAGS, ...OUTPUT_FLAG }, argv);
    const { name, paths } = chooseCluster(values, io);
    try {
      const status = await new ControlClient(paths).status();
      io.stdout.write(
        values.output === 'json' ? `${JSON.stringify(status, null, 2)}\n` : formatStatus(status, io.stdout),
      );
      return 0;
    } catch (error) {
      if (error instanceof NotUpError) throw new CommandError(`cluster ${name} is not up`);
      throw error;
    }
  },
};
