import type { ResourceRequirements } from '#api/core/v1.gen.ts';
import { type FieldError, invalid } from '#api/machinery/field-error.ts';
import { qualifiedName } from '#api/machinery/names.ts';
import { compareQuantities } from '#api/machinery/quantity.ts';

const STANDARD = new Set(['cpu', 'memory', 'ephemeral-storage', 'storage']);

/** Findings about what a container may use and asks for. */
export function validateResources(resources: ResourceRequirements | undefined, path: string): FieldError[] {
  const limits = Object.entries(resources?.limits ?? {});
  const requests = Object.entries(resources?.requests ?? {});
  const errors = limits.flatMap(([name, quantity]) =>
    validateEntry(name, quantity, `${path}.limits[${name}]`),
  );
  for (const [name, quantity] of requests) {
    errors.push(...validateEntry(name, quantity, `${path}.requests[${name}]`));
    const limit = resources?.limits?.[name];
    if (limit !== undefined && compareQuantities(quantity, limit) > 0) {
      errors.push(
        invalid(`${path}.requests`, quantity, `must be less than or equal to ${name} limit of ${limit}`),
      );
    }
  }
  return errors;
}

function validateEntry(name: string, quantity: string, path: string): FieldError[] {
  const errors = qualifiedName(name).map((text) => invalid(path, name, text));
  if (!name.includes('/') && !STANDARD.has(name) && !name.startsWith('hugepages-')) {
    errors.push(invalid(path, name, 'must be a standard resource type or fully qualified'));
    errors.push(invalid(path, name, 'must be a standard resource for containers'));
  }
  if (compareQuantities(quantity, '0') < 0) {
    errors.push(invalid(path, quantity, 'must be greater than or equal to 0'));
  }
  return errors;
}
