import { createWriteStream, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';

/** The log file of one part of a cluster, started anew with each `up`. */
export class PartLog {
  readonly stream: Writable;

  constructor(directory: string, part: string) {
    const path = logPath(directory, part);
    this.stream = createWriteStream(path, { fd: openSync(path, 'w', 0o600) });
  }

  /** Writes one line with the time. */
  line(text: string): void {
    this.stream.write(`${new Date().toISOString()} ${text}\n`);
  }
}

/** Where a part's log lies: parts are `supervisor`, `apiserver`, `controllers`, `fabric` and the nodes' names. */
export function logPath(directory: string, part: string): string {
  return join(directory, `${part}.log`);
}
