/** A container's output in a file, one line each as CRI writes it: time, stream, F (full) or P (partial), text. */
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';

export type LogStream = 'stdout' | 'stderr';

/** The file is put aside as `<file>.1` at this size; so a container keeps at most twice as much. */
const MAX_FILE_BYTES = 10 << 20;
/** A longer line is written in parts. */
const MAX_LINE_BYTES = 16 << 10;
const NEWLINE = 10;

export class ContainerLog implements Disposable {
  readonly file: string;
  /** Told of every piece of output as it comes: attached terminals. */
  readonly onOutput = new Set<(stream: LogStream, chunk: Buffer) => void>();
  /** Told when lines were written or the log ended: readers that follow. */
  readonly onChange = new Set<() => void>();
  #fd: number | undefined;
  #size = 0;
  #ended = false;
  readonly #partial = new Map<LogStream, Buffer>();

  constructor(file: string) {
    this.file = file;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Takes everything that comes out of a stream; resolves at its end. */
  follow(stream: LogStream, source: Readable): Promise<void> {
    source.on('data', (chunk: Buffer) => this.write(stream, chunk));
    source.on('error', () => undefined);
    return new Promise((resolve) => {
      source.once('close', () => {
        this.#flush(stream);
        resolve();
      });
    });
  }

  write(stream: LogStream, chunk: Buffer): void {
    for (const listener of this.onOutput) listener(stream, chunk);
    const before = this.#partial.get(stream);
    const data = before === undefined ? chunk : Buffer.concat([before, chunk]);
    const prefix = `${timestamp()} ${stream} `;
    const lines: string[] = [];
    let at = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, at)) {
      lines.push(`${prefix}F ${data.toString('utf8', at, end)}\n`);
      at = end + 1;
    }
    for (; data.length - at >= MAX_LINE_BYTES; at += MAX_LINE_BYTES) {
      lines.push(`${prefix}P ${data.toString('utf8', at, at + MAX_LINE_BYTES)}\n`);
    }
    if (at < data.length) this.#partial.set(stream, Buffer.from(data.subarray(at)));
    else this.#partial.delete(stream);
    if (lines.length > 0) this.#append(lines.join(''));
  }

  [Symbol.dispose](): void {
    if (this.#ended) return;
    for (const stream of ['stdout', 'stderr'] as const) this.#flush(stream);
    this.#ended = true;
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    for (const listener of this.onChange) listener();
  }

  #flush(stream: LogStream): void {
    const rest = this.#partial.get(stream);
    if (rest === undefined) return;
    this.#partial.delete(stream);
    this.#append(`${timestamp()} ${stream} P ${rest.toString()}\n`);
  }

  #append(text: string): void {
    if (this.#ended) return;
    if (this.#size > MAX_FILE_BYTES) this.#rotate();
    this.#fd ??= this.#open();
    this.#size += writeSync(this.#fd, text);
    for (const listener of this.onChange) listener();
  }

  #open(): number {
    mkdirSync(dirname(this.file), { recursive: true });
    const fd = openSync(this.file, 'a', 0o640);
    this.#size = fstatSync(fd).size;
    return fd;
  }

  #rotate(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    if (existsSync(this.file)) renameSync(this.file, `${this.file}.1`);
  }
}

let lastMs = 0;
let serial = 0;

/** RFC 3339 with nine digits; lines of the same millisecond stay in order by the last six. */
function timestamp(): string {
  const now = Date.now();
  serial = now === lastMs ? Math.min(serial + 1, 999_999) : 0;
  lastMs = now;
  return `${new Date(now).toISOString().slice(0, -1)}${String(serial).padStart(6, '0')}Z`;
}
