// resource.Quantity: a decimal number with a suffix ("100m", "2Gi", "1e3"). Held as a whole number of nano-units, the
// finest that Kubernetes keeps (finer digits are rounded up, away from zero).

/** Which family of suffixes a quantity is written with. */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/** A parsed quantity: its value in units of 10^-9, and how it wants to be written. */
export interface Quantity {
  readonly nano: bigint;
  readonly format: QuantityFormat;
}

const NANO = 1_000_000_000n;
/** Upstream caps at the largest int64. */
const MAX_NANO = 9_223_372_036_854_775_807n * NANO;
const BINARY: Record<string, bigint> = {
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
  Pi: 1n << 50n,
  Ei: 1n << 60n,
};
const DECIMAL: Record<string, number> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
/** Longer texts are refused before any arithmetic; nothing sensible is that long. */
const MAX_LENGTH = 100;
const PATTERN = /^([+-]?)(\d+\.?\d*|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?|[eE][+-]?\d{1,3})$/;

/** What upstream says of a text that is no quantity. */
export const QUANTITY_ERROR =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** Parses a quantity; undefined when the text is not one. */
export function parseQuantity(text: string): Quantity | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const [, sign = '', digits = '', suffix = ''] = match;
  const dot = digits.indexOf('.');
  const fraction = dot < 0 ? '' : digits.slice(dot + 1);
  const mantissa = BigInt((dot < 0 ? digits : digits.slice(0, dot) + fraction) || '0');
  const binary = BINARY[suffix];
  const exponent = binary !== undefined ? 0 : (DECIMAL[suffix] ?? Number(suffix.slice(1)));
  const scaled = scale(mantissa * (binary ?? 1n), exponent - fraction.length + 9);
  const magnitude = scaled > MAX_NANO ? MAX_NANO : scaled;
  return { nano: sign === '-' ? -magnitude : magnitude, format: formatOf(suffix, binary !== undefined) };
}

function formatOf(suffix: string, binary: boolean): QuantityFormat {
  if (binary) return 'BinarySI';
  return /^[eE]./.test(suffix) ? 'DecimalExponent' : 'DecimalSI';
}

/** value * 10^power, rounded up where digits are lost. */
function scale(value: bigint, power: number): bigint {
  if (value === 0n) return 0n;
  if (power >= 0) return power > 60 ? MAX_NANO : value * 10n ** BigInt(power);
  const divisor = 10n ** BigInt(-power);
  return (value + divisor - 1n) / divisor;
}

/** The canonical text: no fraction, the largest suffix that keeps the number whole. */
export function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0';
  const sign = nano < 0n ? '-' : '';
  const magnitude = nano < 0n ? -nano : nano;
  if (format === 'BinarySI' && magnitude % NANO === 0n && magnitude >= 1024n * NANO) {
    return sign + formatBinary(magnitude / NANO);
  }
  return sign + formatDecimal(magnitude, format === 'DecimalExponent');
}

function formatBinary(value: bigint): string {
  let suffix = '';
  let rest = value;
  for (const next of Object.keys(BINARY)) {
    if (rest % 1024n !== 0n) break;
    rest /= 1024n;
    suffix = next;
  }
  return `${rest}${suffix}`;
}

function formatDecimal(nano: bigint, asExponent: boolean): string {
  let exponent = -9;
  let rest = nano;
  while (rest % 1000n === 0n && exponent < 18) {
    rest /= 1000n;
    exponent += 3;
  }
  if (asExponent) return exponent === 0 ? `${rest}` : `${rest}e${exponent}`;
  const suffix = Object.keys(DECIMAL).find((key) => DECIMAL[key] === exponent) ?? '';
  return `${rest}${suffix}`;
}

/** The canonical text of a quantity; undefined when the text is not one. */
export function canonicalQuantity(text: string): string | undefined {
  const quantity = parseQuantity(text);
  return quantity === undefined ? undefined : formatQuantity(quantity);
}

/** The canonical text rounded up to thousandths, the finest that upstream keeps for resources of containers. */
export function roundToMilli(text: string): string {
  const quantity = parseQuantity(text);
  if (quantity === undefined) return text;
  const milli = NANO / 1000n;
  return formatQuantity({ ...quantity, nano: ceilDiv(quantity.nano, milli) * milli });
}

/** Numeric order of two quantities' texts; what is not a quantity counts as zero. */
export function compareQuantities(a: string, b: string): -1 | 0 | 1 {
  const left = parseQuantity(a)?.nano ?? 0n;
  const right = parseQuantity(b)?.nano ?? 0n;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** The number in whole units, rounded up; 0 for what is not a quantity. */
export function quantityValue(text: string): number {
  return Number(ceilDiv(parseQuantity(text)?.nano ?? 0n, NANO));
}

/** The number in thousandths (`cpu: 100m` is 100), rounded up; 0 for what is not a quantity. */
export function quantityMilliValue(text: string): number {
  return Number(ceilDiv(parseQuantity(text)?.nano ?? 0n, NANO / 1000n));
}

function ceilDiv(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value > 0n && value % divisor !== 0n ? quotient + 1n : quotient;
}
