import { readFileSync } from 'node:fs';
import { OUTPUT_FLAG } from './cluster-flags.ts';
import type { Command } from './command.ts';
import { parseFlags } from './flags.ts';

const KUBERNETES_VERSION = 'v1.37.1';

export const command: Command = {
  name: 'version',
  summary: 'Print the version',
  help: `Usage: portolan version [-o json]

Examples:
  portolan version
  portolan version -o json
`,
  async run(argv, io) {
    const { values } = parseFlags(OUTPUT_FLAG, argv);
    const version = { portolan: packageVersion(), kubernetes: KUBERNETES_VERSION, node: process.version };
    io.stdout.write(
      values.output === 'json'
        ? `${JSON.stringify(version, null, 2)}\n`
        : `portolan ${version.portolan}, Kubernetes ${version.kubernetes}, Node ${version.node}\n`,
    );
    return 0;
  },
};

/** The package.json above this file, in a checkout as in an installed package. */
function packageVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as {
        name: string;
        version: string;
      };
      if (name === 'portolan') return version;
    } catch {
      // Further up.
    }
  }
  throw new Error('package.json was not found above the program');
}
