/** The words of which records in presentation form are made. */
import { type DnsName, isWireName, parseName } from './dns-name.ts';

/** Text that is no record. The message says what was expected. */
export class RecordTextError extends Error {
  override readonly name = 'RecordTextError';
}

/** A word of a record's text; quoted ones keep what escapes stand for. */
export interface TextToken {
  readonly text: string;
  readonly quoted: boolean;
}

/** Reads a name; one without a last dot is of `origin`, `@` is the origin itself. */
export function parseNameIn(text: string, origin: DnsName): DnsName {
  if (text === '@') return origin;
  const name = parseName(text);
  const isWhole = text.endsWith('.') && !/(^|[^\\])(\\\\)*\\\.$/.test(text);
  const whole = name === undefined || isWhole ? name : [...name, ...origin];
  if (whole === undefined || !isWireName(whole)) throw new RecordTextError(`${text} is no domain name`);
  return whole;
}

/** `3600`, or with units as in `1h30m`; in seconds. Undefined when it is no TTL. */
export function parseTtl(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) <= 0xffffffff ? Number(text) : undefined;
  if (!/^(\d+[smhdw])+$/i.test(text)) return undefined;
  const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
  let seconds = 0;
  for (const [, number, unit] of text.matchAll(/(\d+)([smhdw])/gi)) {
    seconds += Number(number) * (units[(unit ?? '').toLowerCase()] ?? 0);
  }
  return seconds <= 0xffffffff ? seconds : undefined;
}

/** Words of a record's data, taken from left to right. */
export class Fields {
  readonly type: string;
  readonly #tokens: readonly TextToken[];
  readonly #origin: DnsName;
  #at = 0;

  constructor(type: string, tokens: readonly TextToken[], origin: DnsName) {
    this.type = type.toUpperCase();
    this.#tokens = tokens;
    this.#origin = origin;
  }

  get left(): number {
    return this.#tokens.length - this.#at;
  }

  peek(): string | undefined {
    return this.#tokens[this.#at]?.text;
  }

  text(what: string): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new RecordTextError(`${this.type}: ${what} is missing`);
    return token.text;
  }

  name(what: string): DnsName {
    return parseNameIn(this.text(what), this.#origin);
  }

  number(what: string, max: number): number {
    const text = this.text(what);
    const value = parseTtl(text);
    if (value === undefined || value > max)
      throw new RecordTextError(`${this.type}: ${what} is ${text}, not a number up to ${max}`);
    return value;
  }

  /** What is left, without spaces. */
  rest(what: string): string {
    let text = this.text(what);
    while (this.left > 0) text += this.text(what);
    return text;
  }

  end(): void {
    if (this.left > 0)
      throw new RecordTextError(`${this.type}: ${this.peek() ?? ''} is more than the record can hold`);
  }
}

/** Resolves `\DDD` and `\X`; the result has one char per byte, text beyond ASCII as UTF-8. */
export function unescapeText(text: string): string {
  const bytes = Buffer.from(text, 'utf8').toString('latin1');
  return bytes.replaceAll(/\\(\d{3})|\\([^])/g, (_, decimal: string | undefined, char: string) =>
    decimal === undefined ? char : String.fromCharCode(Number(decimal) & 0xff),
  );
}
