/** Reads a container's log as `kubectl logs` asks for it. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import type { LogOptions } from './container-access.ts';
import type { ContainerLog } from './container-log.ts';
import { formatLogLine, type LogLine, parseLogLine, tailLines, wantsLine } from './plan-log-lines.ts';

/** Yields what is there, then, with `follow`, what comes, until the log ends or the signal fires. */
export async function* readLog(
  log: ContainerLog,
  options: LogOptions,
  signal: AbortSignal,
): AsyncIterable<Buffer> {
  const nowMs = Date.now();
  const budget = { bytes: options.limitBytes ?? Number.MAX_SAFE_INTEGER };
  const limited = (lines: readonly LogLine[]): Buffer => {
    const text = lines.map((line) => formatLogLine(line, options)).join('');
    const bytes = Buffer.from(text).subarray(0, budget.bytes);
    budget.bytes -= bytes.length;
    return bytes;
  };
  const tail = new FileTail(log.file);
  try {
    const old = existsSync(`${log.file}.1`) ? parseLines(readFileSync(`${log.file}.1`, 'utf8')) : [];
    const wanted = [...old, ...tail.next()].filter((line) => wantsLine(line, options, nowMs));
    const first = limited(tailLines(wanted, options.tailLines));
    if (first.length > 0) yield first;
    while (options.follow && budget.bytes > 0 && !signal.aborted) {
      const ended = log.ended;
      const more = limited(tail.next().filter((line) => wantsLine(line, options, nowMs)));
      if (more.length > 0) yield more;
      else if (ended) break;
      else await changed(log, signal);
    }
  } finally {
    tail[Symbol.dispose]();
  }
}

function changed(log: ContainerLog, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      log.onChange.delete(done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    log.onChange.add(done);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Complete lines added to a file since the last look; starts again when the file was rotated. */
class FileTail implements Disposable {
  readonly #file: string;
  #fd: number | undefined;
  #at = 0;
  #rest = Buffer.alloc(0);

  constructor(file: string) {
    this.#file = file;
  }

  next(): LogLine[] {
    const lines = this.#read();
    if (this.#fd !== undefined && existsSync(this.#file) && isOther(this.#fd, this.#file)) {
      closeSync(this.#fd);
      this.#fd = undefined;
      this.#at = 0;
      lines.push(...this.#read());
    }
    return lines;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #read(): LogLine[] {
    if (this.#fd === undefined) {
      if (!existsSync(this.#file)) return [];
      this.#fd = openSync(this.#file, 'r');
    }
    const size = fstatSync(this.#fd).size - this.#at;
    if (size <= 0) return [];
    const added = Buffer.alloc(size);
    this.#at += readSync(this.#fd, added, 0, size, this.#at);
    const data = Buffer.concat([this.#rest, added]);
    const end = data.lastIndexOf(10) + 1;
    this.#rest = data.subarray(end);
    return parseLines(data.toString('utf8', 0, end));
  }
}

function isOther(fd: number, file: string): boolean {
  const other = openSync(file, 'r');
  try {
    return fstatSync(other).ino !== fstatSync(fd).ino;
  } finally {
    closeSync(other);
  }
}

const parseLines = (text: string): LogLine[] => text.split('\n').flatMap((line) => parseLogLine(line) ?? []);
