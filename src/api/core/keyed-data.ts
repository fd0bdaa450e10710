// What ConfigMaps and Secrets share: a size limit, keys that are file names, and immutability.
import { equalJson } from '#api/machinery/equal.ts';
import { type FieldError, forbidden, invalid, tooLong } from '#api/machinery/field-error.ts';
import { byteLength, configMapKey } from '#api/machinery/names.ts';

const MAX_BYTES = 1024 * 1024;

/** Findings about keys; `others` are keys that must not stand here too. */
export function validateKeys(
  data: Record<string, string> | undefined,
  path: string,
  others?: object,
): FieldError[] {
  return Object.keys(data ?? {}).flatMap((key) => {
    const errors = configMapKey(key).map((text) => invalid(`${path}[${key}]`, key, text));
    if (others && Object.hasOwn(others, key)) {
      errors.push(invalid(`${path}[${key}]`, key, 'duplicate of key present in binaryData'));
    }
    return errors;
  });
}

/** The finding for more than 1 MiB of values. */
export function validateSize(bytes: number, path: string): FieldError[] {
  return bytes > MAX_BYTES ? [tooLong(path, MAX_BYTES)] : [];
}

/** Bytes of plain texts. */
export function textBytes(data: Record<string, string> | undefined): number {
  return Object.values(data ?? {}).reduce((sum, value) => sum + byteLength(value), 0);
}

/** Bytes behind base64 texts; null stands for none. */
export function base64Bytes(data: Record<string, string | null> | undefined): number {
  return Object.values(data ?? {}).reduce((sum, value) => sum + decodedLength(value ?? ''), 0);
}

/** Of base64 text with its padding. */
function decodedLength(text: string): number {
  const padding = text.endsWith('==') ? 2 : Number(text.endsWith('='));
  return (text.length * 3) / 4 - padding;
}

/** What was made immutable stays as it is. `fields` are those that hold its content. */
export function validateImmutability<T extends { immutable?: boolean | undefined }>(
  object: T,
  old: T,
  fields: readonly (keyof T & string)[],
): FieldError[] {
  if (old.immutable !== true) return [];
  const why = 'field is immutable when `immutable` is set';
  const errors = object.immutable === true ? [] : [forbidden('immutable', why)];
  return [
    ...errors,
    ...fields.flatMap((field) => (equalJson(object[field], old[field]) ? [] : [forbidden(field, why)])),
  ];
}
