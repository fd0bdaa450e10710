import { enableCompileCache, flushCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type Command, CommandError, type CommandIo, UsageError } from './command.ts';
import { COMMANDS, INNER_COMMANDS } from './commands.ts';

const EXAMPLES = `Examples:
  portolan up                          a cluster of three nodes, until Ctrl-C
  portolan up --detach --name blue     a second one, in the background
  portolan demo                        bring one up, prove the examples with real traffic, tear it down
  portolan down --name blue            end it; its objects are kept for the next up`;

/** Runs one command line; resolves to the exit code. */
export async function main(argv: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...words] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    return help(words[0], io);
  }
  const load = COMMANDS.get(name === '--version' ? 'version' : name) ?? INNER_COMMANDS.get(name);
  if (load === undefined) {
    io.stderr.write(`portolan: unknown command ${JSON.stringify(name)}; portolan --help lists them\n`);
    return 2;
  }
  const { command } = await load();
  const ownWords = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  if (ownWords.includes('--help') || ownWords.includes('-h')) {
    io.stdout.write(`${command.help.trim()}\n`);
    return 0;
  }
  return runCommand(command, words, io);
}

async function runCommand(command: Command, words: readonly string[], io: CommandIo): Promise<number> {
  try {
    return await command.run(words, io);
  } catch (error) {
    if (error instanceof UsageError) {
      io.stderr.write(`portolan ${command.name}: ${error.message} (see portolan ${command.name} --help)\n`);
      return 2;
    }
    if (error instanceof CommandError) {
      io.stderr.write(`portolan ${command.name}: ${error.message}\n`);
      return 1;
    }
    throw error;
  }
}

async function help(name: string | undefined, io: CommandIo): Promise<number> {
  if (name !== undefined && COMMANDS.has(name)) return main([name, '--help'], io);
  const commands = await Promise.all([...COMMANDS.values()].map((load) => load()));
  const lines = commands.map(({ command }) => `  ${command.name.padEnd(12)} ${command.summary}`);
  io.stdout.write(
    `Portolan: the Kubernetes service-networking layer, a whole cluster on one machine.\n\n` +
      `Usage: portolan COMMAND [flags]\n\nCommands:\n${lines.join('\n')}\n\n` +
      `portolan COMMAND --help tells about one of them.\n\n${EXAMPLES}\n`,
  );
  return 0;
}

/** The first signal asks the command to stop; a second one ends the program at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort(new CommandError(`stopped by ${name}`));
    });
  }
  return controller.signal;
}

/** A program that runs on may be ended by force: its compiled code is kept before. */
const FLUSH_AFTER_MS = 1000;

/** Compiled code is kept between runs: start-up takes half the time. Its folder also serves threads and children. */
function useCompileCache(): void {
  const cacheHome = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  process.env['NODE_COMPILE_CACHE'] ??= join(cacheHome, 'portolan', 'compile');
  enableCompileCache(process.env['NODE_COMPILE_CACHE']);
  setTimeout(flushCompileCache, FLUSH_AFTER_MS).unref();
}

if (import.meta.main) {
  useCompileCache();
  // A reader that ends early (`portolan logs | head`) is no failure of ours.
  process.stdout.on('error', () => process.exit(0));
  const code = await main(process.argv.slice(2), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    signal: stopSignal(),
  });
  // Streams to terminals, pipes and files are synchronous here; whatever a command left open must not keep it alive.
  process.exit(code);
}
