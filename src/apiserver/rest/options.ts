import { type FieldError, invalid as invalidField, notSupported } from '#api/machinery/field-error.ts';
import { badRequest, invalid } from '#api/machinery/status-error.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

/** What the query of a write may say. */
export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
  readonly force: boolean;
}

/** Reads the options of create, update and patch; `kind` is that of the error (`CreateOptions`, …). Throws 422. */
export function writeOptions(
  query: URLSearchParams,
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
): WriteOptions {
  const errors: FieldError[] = dryRunErrors(query.getAll('dryRun'));
  const validation = query.get('fieldValidation') ?? '';
  if (!['', 'Ignore', 'Warn', 'Strict'].includes(validation)) {
    errors.push(notSupported('fieldValidation', validation, ['', 'Ignore', 'Strict', 'Warn']));
  }
  const manager = query.get('fieldManager') ?? '';
  if (manager.length > 128) {
    errors.push({
      type: 'FieldValueTooLong',
      field: 'fieldManager',
      body: 'Too long: may not be more than 128 bytes',
    });
  } else if (/[^\P{C}]/u.test(manager)) {
    errors.push(invalidField('fieldManager', manager, 'should only contain printable characters'));
  }
  if (kind === 'PatchOptions' && query.has('force')) {
    errors.push({
      type: 'FieldValueForbidden',
      field: 'force',
      body: 'Forbidden: may not be specified for non-apply patch',
    });
  }
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind }, '', errors);
  return {
    dryRun: query.getAll('dryRun').includes('All'),
    fieldValidation: validation === '' ? 'Warn' : (validation as FieldValidation),
    force: query.get('force') === 'true',
  };
}

export function dryRunErrors(values: readonly string[]): FieldError[] {
  const bad = values.filter((value) => value !== 'All');
  return bad.length === 0 ? [] : [notSupported('dryRun', values, ['All'])];
}

/** A whole number in a query; undefined when absent. Throws 400. */
export function numberParameter(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  return Number(text);
}
