/** Which lines of a container's log a reader gets. Pure. */
import type { LogOptions } from './container-access.ts';

export interface LogLine {
  /** RFC 3339, nanoseconds. */
  time: string;
  stream: string;
  /** The line goes on in the next one. */
  partial: boolean;
  text: string;
}

/** Reads a line of the file; undefined for what is none. */
export function parseLogLine(line: string): LogLine | undefined {
  const match = /^(\S+) (stdout|stderr) ([FP]) (.*)$/s.exec(line);
  if (!match) return undefined;
  const [, time = '', stream = '', tag, text = ''] = match;
  return { time, stream, partial: tag === 'P', text };
}

/** As the caller sees it. */
export function formatLogLine(line: LogLine, options: Pick<LogOptions, 'timestamps'>): string {
  return `${options.timestamps ? `${line.time} ` : ''}${line.text}${line.partial ? '' : '\n'}`;
}

/** Whether a line passes the filters by time and stream; `nowMs` is when the request came. */
export function wantsLine(line: LogLine, options: LogOptions, nowMs: number): boolean {
  if (options.stream !== undefined && line.stream !== options.stream) return false;
  const sinceMs =
    options.sinceTime === undefined
      ? options.sinceSeconds === undefined
        ? undefined
        : nowMs - options.sinceSeconds * 1000
      : Date.parse(options.sinceTime);
  return sinceMs === undefined || Date.parse(line.time) >= sinceMs;
}

/** The last `count` lines; parts of one line count once. */
export function tailLines(lines: readonly LogLine[], count: number | undefined): readonly LogLine[] {
  if (count === undefined) return lines;
  let left = count;
  let start = lines.length;
  while (start > 0) {
    const complete = lines[start - 1]?.partial === false || start === lines.length;
    if (complete && left-- === 0) break;
    start--;
  }
  return lines.slice(start);
}
