import { readFileSync, statSync } from 'node:fs';
import type { SetupContext } from '#dns/plugin.ts';

export interface ReloadedFileOptions<T> {
  readonly file: string;
  /** 0: read once. */
  readonly intervalMs: number;
  /** May throw: what was there before then stays. */
  readonly parse: (text: string) => T;
  /** Taken when there is no file, and until it can be read. */
  readonly otherwise: T;
  readonly onLoaded?: ((value: T) => void) | undefined;
}

/** A file's meaning, kept up to date. */
export class ReloadedFile<T> {
  value: T;
  readonly #options: ReloadedFileOptions<T>;
  readonly #log: SetupContext['log'];
  #seen = '';

  /** Reads it now, and again for as long as the context lives. */
  constructor(options: ReloadedFileOptions<T>, { log, stack }: Pick<SetupContext, 'log' | 'stack'>) {
    this.#options = options;
    this.#log = log;
    this.value = options.otherwise;
    this.#load();
    if (options.intervalMs <= 0) return;
    const timer = setInterval(() => this.#load(), options.intervalMs);
    timer.unref();
    stack.defer(() => clearInterval(timer));
  }

  #load(): void {
    const { file, parse, onLoaded } = this.#options;
    const seen = stateOf(file);
    if (seen === this.#seen) return;
    const isFirst = this.#seen === '';
    this.#seen = seen;
    if (seen === MISSING) {
      this.#log(`${file} is not there${isFirst ? '' : ' any more; what it said stays'}`, 'WARNING');
      return;
    }
    try {
      this.value = parse(readFileSync(file, 'utf8'));
      onLoaded?.(this.value);
    } catch (error) {
      this.#log(`${file} is not taken over: ${(error as Error).message}`, 'ERROR');
    }
  }
}

const MISSING = 'missing';

/** Another text whenever there may be something else to read; also where the file cannot be looked at. */
function stateOf(file: string): string {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat === undefined ? MISSING : `${stat.mtimeMs}/${stat.size}/${stat.ino}`;
  } catch (error) {
    return (error as Error).message;
  }
}
