import { createWriteStream, openSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { Trouble } from './status.ts';

/** The log file of one part of a cluster, started anew with each `up`. What it gets is what went wrong. */
export class PartLog {
  /** For what a thread prints. */
  readonly stream: Writable;
  readonly #part: string;
  readonly #file: Writable;
  readonly #onTrouble: (trouble: Trouble) => void;

  constructor(directory: string, part: string, onTrouble: (trouble: Trouble) => void = () => undefined) {
    const path = logPath(directory, part);
    this.#part = part;
    this.#onTrouble = onTrouble;
    this.#file = createWriteStream(path, { fd: openSync(path, 'w', 0o600) });
    this.stream = new Writable({
      decodeStrings: false,
      write: (chunk: Buffer | string, _encoding, done) => {
        this.#file.write(chunk);
        this.#tell(String(chunk));
        done();
      },
    });
  }

  /** Writes one line with the time. */
  trouble(text: string): void {
    this.#file.write(`${new Date().toISOString()} ${text}\n`);
    this.#tell(text);
  }

  #tell(text: string): void {
    const line = lastMessage(text);
    if (line !== undefined) this.#onTrouble({ at: new Date().toISOString(), part: this.#part, line });
  }
}

/** The last line that is a message of its own: no line of a stack, no time in front. */
export function lastMessage(text: string): string | undefined {
  const lines = text.split('\n').filter((line) => /^\S/.test(line) && !/^[{}]/.test(line));
  return lines.at(-1)?.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z /, '');
}

/** Where a part's log lies: parts are `supervisor`, `apiserver`, `controllers`, `fabric` and the nodes' names. */
export function logPath(directory: string, part: string): string {
  return join(directory, `${part}.log`);
}
