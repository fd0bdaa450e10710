/** What a command may touch: its streams, its environment and the wish of the user to stop. */
export interface CommandIo {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP; a command that runs until stopped returns 0 then. */
  readonly signal: AbortSignal;
}

/** Resolves when the user wishes to stop. */
export function untilStopped({ signal }: Pick<CommandIo, 'signal'>): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** One `portolan NAME …` command. Its file exports it as `command` and is loaded only when it is run. */
export interface Command {
  readonly name: string;
  /** One line for `portolan --help`, without a full stop. */
  readonly summary: string;
  /** The whole text of `portolan NAME --help`: usage, flags, examples. */
  readonly help: string;
  /** Runs with the words after the command's name; resolves to the exit code: 0 done, 1 failed, 2 wrong usage. */
  run(argv: readonly string[], io: CommandIo): Promise<number>;
}

/** Wrong words on the command line. `main` prints the message as one line and exits with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A failure whose message already says all a user needs. `main` prints it as one line, without a stack, and exits with 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
