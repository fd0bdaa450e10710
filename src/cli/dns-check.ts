import { readFileSync } from 'node:fs';
import { readConfiguration } from '#dns/configuration.ts';
import { CorefileError } from '#dns/corefile/error.ts';
import { explainConfiguration } from '#dns/explain.ts';
import { CommandError, type CommandIo } from './command.ts';
import { parseFlags } from './flags.ts';

/** `portolan dns check Corefile`: reads and checks it without starting anything, and says what it will do. */
export function checkCorefile(argv: readonly string[], io: CommandIo): number {
  const { positionals } = parseFlags({}, argv, { positionals: ['COREFILE'] });
  const [file = 'Corefile'] = positionals;
  try {
    const warn = (message: string): void => void io.stderr.write(`${message}\n`);
    const blocks = readConfiguration(readFileSync(file, 'utf8'), file, { env: { ...io.env }, warn });
    io.stdout.write(explainConfiguration(blocks));
    return 0;
  } catch (error) {
    if (error instanceof CorefileError) throw new CommandError(error.message, { cause: error });
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new CommandError(`${file} cannot be read (${code})`, { cause: error });
  }
}
