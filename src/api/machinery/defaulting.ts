// Defaults that the schema itself states (`protocol: TCP`). What a kind fills in beyond that is in its strategy.
import { cloneJson } from './equal.ts';
import { isJsonObject } from './object.ts';
import { type FieldFact, isStruct, shapeOf, typeInfo } from './schema.ts';

interface Step {
  readonly field: FieldFact;
  /** The struct type inside the field, if there is one with defaults. */
  readonly inner: string | undefined;
}

const steps = new Map<string, readonly Step[]>();

/** Sets every absent field that has a default in the schema, in place, through the whole value. */
export function applySchemaDefaults(type: string, value: unknown): void {
  if (!isJsonObject(value)) return;
  for (const { field, inner } of stepsOf(type)) {
    if (field.def !== undefined && field.def !== '' && field.def !== 0) {
      value[field.n] ??= cloneJson(field.def);
    } else if (field.def !== undefined && field.ptr) value[field.n] ??= field.def;
    if (inner !== undefined)
      forEachStruct(field.t, value[field.n], (item) => applySchemaDefaults(inner, item));
  }
}

function forEachStruct(t: string, value: unknown, visit: (item: unknown) => void): void {
  const shape = shapeOf(t);
  if (value === undefined || value === null) return;
  if (shape.kind === 'list' && Array.isArray(value)) value.forEach(visit);
  else if (shape.kind === 'map') Object.values(value).forEach(visit);
  else visit(value);
}

function innerStruct(t: string): string | undefined {
  const shape = shapeOf(t);
  if (shape.kind === 'list') return innerStruct(shape.item);
  if (shape.kind === 'map') return innerStruct(shape.value);
  return isStruct(t) ? t : undefined;
}

/** The fields of a type that have a default or lead to one. */
function stepsOf(type: string): readonly Step[] {
  const known = steps.get(type);
  if (known !== undefined) return known;
  // Types may contain themselves; an unfinished one counts as having none.
  steps.set(type, []);
  const found = typeInfo(type).fields.flatMap((field): Step[] => {
    const struct = innerStruct(field.t);
    const inner = struct !== undefined && stepsOf(struct).length > 0 ? struct : undefined;
    return field.def !== undefined || inner !== undefined ? [{ field, inner }] : [];
  });
  steps.set(type, found);
  return found;
}
