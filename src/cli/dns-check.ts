import { readConfiguration } from '#dns/configuration.ts';
import { corefileSource } from '#dns/corefile-source.ts';
import { explainConfiguration } from '#dns/explain.ts';
import { CommandError, type CommandIo } from './command.ts';
import { parseFlags } from './flags.ts';

const FLAGS = { 'kube-dns-config': { type: 'string' }, print: { type: 'boolean' } } as const;

/** `portolan dns check Corefile`: reads and checks it without starting anything, and says what it will do. */
export async function checkCorefile(argv: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseFlags(FLAGS, argv, { positionals: ['COREFILE'] });
  const [file = 'Corefile'] = positionals;
  const warn = (message: string): void => void io.stderr.write(`${message}\n`);
  const options = { env: { ...io.env }, warn };
  const source = corefileSource({ file }, { ...options, kubeDnsConfig: values['kube-dns-config'] });
  try {
    const text = await source.corefile();
    const blocks = readConfiguration(text, file, options);
    if (values.print) io.stdout.write(`${text.trimEnd()}\n\n`);
    io.stdout.write(explainConfiguration(blocks));
    return 0;
  } catch (error) {
    // A line of the file, a file that cannot be read, a ConfigMap: the message says which.
    throw new CommandError((error as Error).message, { cause: error });
  }
}
