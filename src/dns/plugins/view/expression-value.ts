/** Values of expressions; `nil` is null. */
export type ExpressionValue = string | number | boolean | null | readonly ExpressionValue[];

/** Text that is no expression, or values that do not fit. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
}

/** A value of the right kind that nothing can be made of; the next query may have a better one. */
export class UnfitValueError extends ExpressionError {}

export function truth(value: ExpressionValue): boolean {
  if (typeof value !== 'boolean') throw new ExpressionError(`${shown(value)} is neither true nor false`);
  return value;
}

export function numberOf(value: ExpressionValue): number {
  if (typeof value !== 'number') throw new ExpressionError(`${shown(value)} is no number`);
  return value;
}

export function textOf(value: ExpressionValue): string {
  if (typeof value !== 'string') throw new ExpressionError(`${shown(value)} is no text`);
  return value;
}

export function listOf(value: ExpressionValue): readonly ExpressionValue[] {
  if (!Array.isArray(value)) throw new ExpressionError(`${shown(value)} is no list`);
  return value;
}

/** Texts and numbers are never equal, and comparing them is a mistake; `nil` may be compared with all. */
export function isEqual(a: ExpressionValue, b: ExpressionValue): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, i) => isEqual(item, b[i] ?? null));
  if (a !== null && b !== null && typeof a !== typeof b)
    throw new ExpressionError(`${shown(a)} and ${shown(b)} cannot be equal: they are of different kinds`);
  return a === b;
}

export function shown(value: ExpressionValue): string {
  return typeof value === 'string' ? `'${value}'` : value === null ? 'nil' : String(value);
}
