/** Zone files, called master files in RFC 1035 §5. */
import type { DnsName, DnsRecord } from '#wire/dns.ts';
import {
  parseNameIn,
  parseRecordOf,
  parseTtl,
  RecordTextError,
  splitTokens,
  type TextToken,
} from '#wire/dns-text.ts';
import { generatedLines } from './generate.ts';

/** A zone file that cannot be read: file, line and what is wrong. */
export class ZoneFileError extends Error {
  override readonly name = 'ZoneFileError';
}

export interface ZoneFileOptions {
  /** Named in errors, and the place that included files are relative to. */
  readonly file: string;
  readonly origin: DnsName;
  /** Reads an included file, named as written. */
  readonly include: (file: string) => string;
}

/** TTL of records where neither they, nor `$TTL`, nor one before, nor the SOA before has one; in seconds. */
const DEFAULT_TTL = 3600;
const MAX_INCLUDES = 8;
/** Stands for a TTL that is not there. */
const NO_TTL = -1;

interface State {
  origin: DnsName;
  owner: DnsName | undefined;
  /** As `$TTL` says. */
  ttl: number | undefined;
  /** Of the record before, where there is no `$TTL` (RFC 1035 §5.1). */
  lastTtl: number | undefined;
}

/** Reads the records of a zone file in order. Throws a `ZoneFileError` only. */
export function parseZoneFile(text: string, options: ZoneFileOptions): DnsRecord[] {
  const records: DnsRecord[] = [];
  readInto(
    records,
    text,
    options,
    { origin: options.origin, owner: undefined, ttl: undefined, lastTtl: undefined },
    0,
  );
  return records;
}

function readInto(
  records: DnsRecord[],
  text: string,
  options: ZoneFileOptions,
  state: State,
  depth: number,
): void {
  for (const entry of entries(text, options.file)) {
    try {
      readEntry(records, entry, options, state, depth);
    } catch (error) {
      if (error instanceof RecordTextError) throw at(options.file, entry.line, error.message);
      throw error;
    }
  }
}

function readEntry(
  records: DnsRecord[],
  entry: Entry,
  options: ZoneFileOptions,
  state: State,
  depth: number,
): void {
  const [first, ...rest] = entry.tokens;
  if (first === undefined) return;
  if (first.text.startsWith('$') && !first.quoted) {
    readControl(records, first.text.toUpperCase(), rest, { options, state, depth, line: entry.line });
    return;
  }
  if (!entry.continuesOwner) state.owner = parseNameIn(first.text, state.origin);
  if (state.owner === undefined) throw new RecordTextError('the first record has no name');
  const tokens = entry.continuesOwner ? entry.tokens : rest;
  const ttl = state.ttl ?? state.lastTtl;
  const record = parseRecordOf(state.owner, tokens, { origin: state.origin, ttl: ttl ?? NO_TTL });
  const known = record.ttl === NO_TTL ? minimumOf(record) : record.ttl;
  state.lastTtl = known;
  records.push({ ...record, ttl: known });
}

/** Of an SOA record (RFC 2308 §4), else the default. */
function minimumOf({ data }: DnsRecord): number {
  return data.kind === 'soa' ? data.minimum : DEFAULT_TTL;
}

function readControl(
  records: DnsRecord[],
  control: string,
  args: readonly TextToken[],
  { options, state, depth, line }: { options: ZoneFileOptions; state: State; depth: number; line: number },
): void {
  const [first, second] = args;
  if (first === undefined) throw new RecordTextError(`${control} of what?`);
  switch (control) {
    case '$ORIGIN':
      state.origin = parseNameIn(first.text, state.origin);
      return;
    case '$TTL':
      state.ttl = parseTtl(first.text);
      if (state.ttl === undefined)
        throw new RecordTextError(`$TTL ${first.text} is no TTL such as 3600 or 1h`);
      return;
    case '$INCLUDE': {
      if (depth >= MAX_INCLUDES)
        throw at(options.file, line, `more than ${MAX_INCLUDES} files include each other`);
      const origin = second === undefined ? state.origin : parseNameIn(second.text, state.origin);
      const inner: State = { ...state, origin };
      readInto(
        records,
        includeText(options, first.text, line),
        { ...options, file: first.text },
        inner,
        depth + 1,
      );
      return;
    }
    case '$GENERATE':
      for (const tokens of generatedLines(args))
        readEntry(records, { tokens, continuesOwner: false, line }, options, { ...state }, depth);
      return;
    default:
      throw new RecordTextError(`there is no ${control}; there are $GENERATE, $INCLUDE, $ORIGIN and $TTL`);
  }
}

function includeText({ file, include }: ZoneFileOptions, name: string, line: number): string {
  try {
    return include(name);
  } catch (error) {
    throw at(file, line, `$INCLUDE ${name}: ${(error as Error).message}`);
  }
}

interface Entry {
  readonly tokens: readonly TextToken[];
  /** The line begins with a space: the name is that of the record before. */
  readonly continuesOwner: boolean;
  readonly line: number;
}

/** Lines, those within parentheses joined. */
function* entries(text: string, file: string): Generator<Entry> {
  let tokens: TextToken[] = [];
  let [open, line, number, continuesOwner] = [0, 1, 0, false];
  for (const raw of text.split(/\r?\n/)) {
    number++;
    if (open === 0) {
      line = number;
      continuesOwner = /^[ \t]/.test(raw);
      tokens = [];
    }
    for (const token of lineTokens(raw, file, number)) {
      for (const piece of token.quoted ? [token.text] : token.text.split(/(?<!\\)([()])/)) {
        if (!token.quoted && piece === '(') open++;
        else if (!token.quoted && piece === ')') open--;
        else if (token.quoted || piece !== '') tokens.push({ text: piece, quoted: token.quoted });
      }
      if (open < 0) throw at(file, number, 'the ) has no ( before it');
    }
    if (open === 0 && tokens.length > 0) yield { tokens, continuesOwner, line };
  }
  if (open > 0) throw at(file, line, 'the ( has no )');
}

function lineTokens(raw: string, file: string, line: number): TextToken[] {
  try {
    return splitTokens(raw);
  } catch (error) {
    throw at(file, line, (error as Error).message);
  }
}

function at(file: string, line: number, problem: string): ZoneFileError {
  return new ZoneFileError(`${file}:${line}: ${problem}`);
}
