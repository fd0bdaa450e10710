/** `$GENERATE` of zone files: one line stands for many. */
import { RecordTextError, type TextToken } from '#wire/dns-text.ts';

/** Lines that one `$GENERATE` may stand for. */
const MAX_LINES = 65_536;
/** `$`, `\$`, and `${OFFSET[,WIDTH[,BASE]]}`. */
const PLACES = /\\\$|\$(?:\{([^}]*)\})?/g;

/** The tokens of every line, owner first, of `START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE DATA`. */
export function* generatedLines(args: readonly TextToken[]): Generator<TextToken[]> {
  const [range, ...line] = args;
  const [, start, stop, step = '1'] =
    /^(\d{1,10})-(\d{1,10})(?:\/(\d{1,10}))?$/.exec(range?.text ?? '') ?? [];
  const [from, to, by] = [Number(start), Number(stop), Number(step)];
  if (!(from <= to && by > 0))
    throw new RecordTextError(`$GENERATE ${range?.text ?? ''}: no range such as 1-10 or 0-100/2`);
  if ((to - from) / by >= MAX_LINES)
    throw new RecordTextError(`$GENERATE ${range?.text ?? ''}: more than ${MAX_LINES} records`);
  for (let value = from; value <= to; value += by)
    yield line.map((token) => ({ ...token, text: filledIn(token.text, value) }));
}

function filledIn(text: string, value: number): string {
  return text.replaceAll(PLACES, (place, modifiers: string | undefined) => {
    if (place === '\\$') return '$';
    return modifiers === undefined ? String(value) : modified(modifiers, value);
  });
}

function modified(modifiers: string, value: number): string {
  const [, offset, width = '0', base = 'd'] =
    /^(-?\d{1,10})(?:,(\d{1,3})(?:,([doxX]))?)?$/.exec(modifiers) ?? [];
  const number = value + Number(offset);
  if (offset === undefined || number < 0)
    throw new RecordTextError(`$GENERATE: \${${modifiers}} is no offset, width and base such as \${0,3,d}`);
  const digits = number.toString(base === 'o' ? 8 : base === 'd' ? 10 : 16).padStart(Number(width), '0');
  return base === 'X' ? digits.toUpperCase() : digits;
}
