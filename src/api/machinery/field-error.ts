// Why a field is not as it must be. Types, their names as causes and the sentence form are upstream's
// (k8s.io/apimachinery field.Error), because clients and people match on them.
import type { StatusCause } from '#api/meta/v1.gen.ts';

/** The causes' reasons, as a Status carries them. */
export type FieldErrorType =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'InternalError'
  | 'FieldValueTypeInvalid';

const WORDS: Record<FieldErrorType, string> = {
  FieldValueNotFound: 'Not found',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  InternalError: 'Internal error',
  FieldValueTypeInvalid: 'Invalid value',
};

const WITHOUT_VALUE: ReadonlySet<FieldErrorType> = new Set([
  'FieldValueRequired',
  'FieldValueForbidden',
  'FieldValueTooLong',
  'InternalError',
]);

/** One finding about one field. `field` is a path such as `spec.ports[0].port`; `body` is the sentence without it. */
export interface FieldError {
  readonly type: FieldErrorType;
  readonly field: string;
  readonly body: string;
}

function make(type: FieldErrorType, field: string, value: unknown, detail: string): FieldError {
  const words = WORDS[type];
  const head = WITHOUT_VALUE.has(type) ? words : `${words}: ${showValue(value)}`;
  return { type, field, body: detail === '' ? head : `${head}: ${detail}` };
}

function showValue(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  return JSON.stringify(value);
}

/** A value must be there and is not. */
export function required(field: string, detail = ''): FieldError {
  return make('FieldValueRequired', field, '', detail);
}

/** A value is malformed or out of its range. */
export function invalid(field: string, value: unknown, detail: string): FieldError {
  return make('FieldValueInvalid', field, value, detail);
}

/** A value stands twice where it must be unique. */
export function duplicate(field: string, value: unknown): FieldError {
  return make('FieldValueDuplicate', field, value, '');
}

/** A field may not be set here, or not be changed. */
export function forbidden(field: string, detail: string): FieldError {
  return make('FieldValueForbidden', field, '', detail);
}

/** A value is not one of a closed list. */
export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  return notSupportedAsListed(field, value, supported.toSorted());
}

/** The same, for the lists that upstream does not sort. */
export function notSupportedAsListed(
  field: string,
  value: unknown,
  supported: readonly string[],
): FieldError {
  const list = supported.map((text) => JSON.stringify(text)).join(', ');
  return make('FieldValueNotSupported', field, value, list === '' ? '' : `supported values: ${list}`);
}

/** Something that is referred to does not exist. */
export function notFoundField(field: string, value: unknown): FieldError {
  return make('FieldValueNotFound', field, value, '');
}

/** A text is longer than `maxLength` bytes. */
export function tooLong(field: string, maxLength: number): FieldError {
  return make('FieldValueTooLong', field, '', `may not be more than ${maxLength} bytes`);
}

/** A list has more than `max` items. */
export function tooMany(field: string, actual: number, max: number): FieldError {
  return make('FieldValueTooMany', field, actual, `must have at most ${max} ${max === 1 ? 'item' : 'items'}`);
}

/** A value has the wrong type. */
export function typeInvalid(field: string, value: unknown, detail: string): FieldError {
  return make('FieldValueTypeInvalid', field, value, detail);
}

/** The check itself failed. */
export function internalFieldError(field: string, detail: string): FieldError {
  return make('InternalError', field, '', detail);
}

/** The whole sentence: `spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive`. */
export function fieldErrorText(error: FieldError): string {
  return error.field === '' ? error.body : `${error.field}: ${error.body}`;
}

/** The finding as a cause in a Status. */
export function toCause(error: FieldError): StatusCause {
  return { reason: error.type, message: error.body, field: error.field };
}

/** All findings in one sentence: alone as it is, several in brackets, repeated ones once. */
export function aggregateText(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(fieldErrorText))];
  return texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
}
