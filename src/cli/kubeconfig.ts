import { readFileSync } from 'node:fs';
import { CLUSTER_FLAGS, CLUSTER_FLAGS_HELP, chooseCluster } from './cluster-flags.ts';
import { type Command, CommandError } from './command.ts';
import { parseFlags } from './flags.ts';

export const command: Command = {
  name: 'kubeconfig',
  summary: "Print the administrator's kubeconfig",
  help: `Usage: portolan kubeconfig [flags]

${CLUSTER_FLAGS_HELP}

Examples:
  portolan kubeconfig > /tmp/blue.yaml
  kubectl --kubeconfig <(portolan kubeconfig) get nodes
`,
  async run(argv, io) {
    const { values } = parseFlags(CLUSTER_FLAGS, argv);
    const { name, paths } = chooseCluster(values, io);
    try {
      io.stdout.write(readFileSync(paths.kubeconfig, 'utf8'));
      return 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new CommandError(`cluster ${name} has no kubeconfig: it was never up (${paths.kubeconfig})`);
    }
  },
};
