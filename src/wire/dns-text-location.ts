/** Data of LOC records in presentation form (RFC 1876 §3). */
import { type Fields, RecordTextError } from './dns-text-fields.ts';
import type { DnsWriter } from './dns-writer.ts';

const VERSION = 0;
/** Where the equator and the prime meridian are, in thousandths of a second. */
const MIDDLE = 2 ** 31;
/** Below this the altitude is counted from, in cm. */
const BASE_CM = 10_000_000;
const DEFAULT_SIZES_CM = [100, 1_000_000, 1000] as const;

/** `D [M [S]] N|S D [M [S]] E|W ALTITUDE[m] [SIZE[m] [HORIZONTAL[m] [VERTICAL[m]]]]`. */
export function locationData(fields: Fields, writer: DnsWriter): void {
  const latitude = angle(fields, 'the latitude', 90, ['N', 'S']);
  const longitude = angle(fields, 'the longitude', 180, ['E', 'W']);
  const altitude = centimetres(fields, 'the altitude');
  const sizes = DEFAULT_SIZES_CM.map((size, i) =>
    fields.left > 0
      ? centimetres(fields, ['the size', 'the horizontal precision', 'the vertical precision'][i] ?? '')
      : size,
  );
  writer.u8(VERSION);
  for (const size of sizes) writer.u8(exponential(size));
  writer
    .u32(latitude)
    .u32(longitude)
    .u32(BASE_CM + altitude);
}

function angle(fields: Fields, what: string, max: number, [plus, minus]: readonly [string, string]): number {
  let seconds = 0;
  for (let unit = 3600; unit >= 1 / 60; unit /= 60) {
    const word = fields.text(what).toUpperCase();
    if (word === plus || word === minus)
      return MIDDLE + Math.round(seconds * 1000) * (word === plus ? 1 : -1);
    const value = /^\d+(\.\d+)?$/.test(word) ? Number(word) : Number.NaN;
    if (!(value <= (unit === 3600 ? max : 60)) || unit < 1)
      throw new RecordTextError(`${fields.type}: ${what} is ${word}, not such as 52 22 23.000 ${plus}`);
    seconds += value * unit;
  }
  throw new RecordTextError(`${fields.type}: ${what} ends without ${plus} or ${minus}`);
}

function centimetres(fields: Fields, what: string): number {
  const word = fields.text(what);
  const metres = /^-?\d+(\.\d+)?m?$/i.test(word) ? Number.parseFloat(word) : Number.NaN;
  const value = Math.round(metres * 100);
  if (!(value >= -BASE_CM && value <= 9_000_000_000))
    throw new RecordTextError(`${fields.type}: ${what} is ${word}, no length such as 10m`);
  return value;
}

/** A digit and a power of ten, in half a byte each. */
function exponential(value: number): number {
  const power = value < 10 ? 0 : Math.floor(Math.log10(value));
  return (Math.floor(value / 10 ** power) << 4) | power;
}
