// Strategic merge patch: a merge patch that knows from the schema which lists are merged and by which key. Directives:
// `$patch` (replace, delete, merge), `$retainKeys`, `$deleteFromPrimitiveList/F`, `$setElementOrder/F`.
// Behaviour follows upstream's strategicpatch package, order of results included.
import { cloneJson } from './equal.ts';
import { isJsonObject, type JsonObject } from './object.ts';
import { PatchError } from './patch-json.ts';
import {
  mergeKeyOf,
  normalizeOrder,
  placesIn,
  sameElement,
  splitByPresence,
} from './patch-strategic-order.ts';
import { type FieldFact, isStruct, shapeOf, typeInfo } from './schema.ts';

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const DELETE_FROM_LIST = '$deleteFromPrimitiveList/';
const SET_ORDER = '$setElementOrder';

/**
 * Applies a strategic merge patch to a document of a type (schema id) and returns the new document; the inputs are
 * not changed. Throws PatchError: `malformed` for what upstream answers with 400, else 500.
 */
export function applyStrategicPatch(document: unknown, patch: unknown, type: string): unknown {
  if (!isJsonObject(patch)) throw new PatchError('invalid JSON document', { malformed: true });
  return mergeMap(isJsonObject(document) ? cloneJson(document) : {}, cloneJson(patch), type);
}

/** Merges `patch` into `original` (both may be changed). `type` is '' where the schema says nothing. */
function mergeMap(original: JsonObject, patch: JsonObject, type: string): JsonObject {
  if (Object.hasOwn(patch, DIRECTIVE)) return mapDirective(patch);
  retainKeys(original, patch);
  setElementOrders(original, patch, type);
  for (const [name, value] of Object.entries(patch)) mergeField(original, name, value, type);
  return original;
}

function mapDirective(patch: JsonObject): JsonObject {
  const directive = patch[DIRECTIVE];
  if (directive === 'delete') return {};
  if (directive !== 'replace') throw new PatchError(`unknown patch type: ${String(directive)} in map`);
  delete patch[DIRECTIVE];
  return patch;
}

function retainKeys(original: JsonObject, patch: JsonObject): void {
  if (!Object.hasOwn(patch, RETAIN_KEYS)) return;
  const keys = patch[RETAIN_KEYS];
  delete patch[RETAIN_KEYS];
  const bad = 'invalid patch format of retainKeys';
  if (!Array.isArray(keys)) throw new PatchError(bad, { malformed: true });
  const kept = new Set<unknown>(keys);
  for (const [name, value] of Object.entries(patch)) {
    if (!name.startsWith('$') && value !== null && !kept.has(name))
      throw new PatchError(bad, { malformed: true });
  }
  for (const name of Object.keys(original)) if (!kept.has(name)) delete original[name];
}

function mergeField(original: JsonObject, name: string, value: unknown, type: string): void {
  if (name.startsWith(DELETE_FROM_LIST)) {
    deleteFromList(original, name.slice(DELETE_FROM_LIST.length), value);
    return;
  }
  if (value === null) {
    delete original[name];
    return;
  }
  const field = fieldOf(type, name);
  const current = Object.hasOwn(original, name) ? original[name] : undefined;
  if (isJsonObject(value) && isJsonObject(current)) {
    const inner = innerType(type, field);
    original[name] = replaces(field) ? withoutDirectives(value) : mergeMap(current, value, inner);
  } else if (Array.isArray(value) && Array.isArray(current)) {
    original[name] = mergeList(current, value, field);
  } else setOwn(original, name, withoutDirectives(value));
}

function deleteFromList(original: JsonObject, name: string, values: unknown): void {
  if (!Array.isArray(values)) {
    throw new PatchError('invalid patch format of primitive list', { malformed: true });
  }
  const current = original[name];
  if (Array.isArray(current)) original[name] = current.filter((item) => !values.includes(item));
}

/** The schema's facts about a field; undefined below maps and unknown fields. */
function fieldOf(type: string, name: string): FieldFact | undefined {
  return isStruct(type) ? typeInfo(type).byName.get(name) : undefined;
}

/** The type of what a field holds, '' when it is not a struct of the schema; map values keep their type. */
function innerType(type: string, field: FieldFact | undefined): string {
  const t = field?.t ?? (shapeOf(type).kind === 'map' ? mapValue(type) : '');
  return t;
}

function mapValue(type: string): string {
  const shape = shapeOf(type);
  return shape.kind === 'map' ? shape.value : '';
}

function strategiesOf(field: FieldFact | undefined): string[] {
  return field?.ps?.split(',') ?? [];
}

function replaces(field: FieldFact | undefined): boolean {
  return strategiesOf(field).includes('replace');
}

function merges(field: FieldFact | undefined): field is FieldFact {
  return strategiesOf(field).includes('merge');
}

function itemType(field: FieldFact): string {
  const shape = shapeOf(field.t);
  return shape.kind === 'list' ? shape.item : '';
}

function mergeList(original: unknown[], patch: unknown[], field: FieldFact | undefined): unknown[] {
  if (!merges(field)) return withoutDirectives(patch) as unknown[];
  if (original.length === 0 && patch.length === 0) return patch;
  const key = field.pk ?? '';
  const merged =
    key === '' ? unique([...original, ...patch]) : mergeKeyed(original, patch, key, itemType(field));
  const wanted = key === '' ? patch : patch.filter((item) => isJsonObject(item) && !(DIRECTIVE in item));
  const [fromPatch, fromServer] = splitByPresence(merged, wanted, key);
  return normalizeOrder(fromPatch, fromServer, wanted, original, key);
}

function unique(items: unknown[]): unknown[] {
  return [...new Set(items)];
}

/** Merges lists of objects by key: directives first, then item by item; new items go to the end. */
function mergeKeyed(original: unknown[], patch: unknown[], key: string, type: string): unknown[] {
  const deleted = new Set<unknown>();
  const changes: JsonObject[] = [];
  let replace = false;
  for (const item of patch) {
    if (!isJsonObject(item)) throw new PatchError('expected an object in a list merged by key');
    const directive = item[DIRECTIVE];
    if (directive === undefined) changes.push(item);
    else if (directive === 'delete') deleted.add(mergeKeyOf(item, key));
    else if (directive === 'replace') replace = true;
    else throw new PatchError(`unknown patch type: ${JSON.stringify(directive)} in map`);
  }
  if (replace) return changes.map(withoutDirectives);
  const result = original.filter((item) => !isJsonObject(item) || !deleted.has(mergeKeyOf(item, key)));
  const places = placesIn(result, key);
  for (const change of changes) {
    const wanted = mergeKeyOf(change, key);
    const at = places.get(wanted) ?? result.length;
    const existing = result[at];
    result[at] = isJsonObject(existing) ? mergeMap(existing, change, type) : withoutDirectives(change);
    places.set(wanted, at);
  }
  return result;
}

function setElementOrders(original: JsonObject, patch: JsonObject, type: string): void {
  for (const directive of Object.keys(patch).filter((name) => name.startsWith(SET_ORDER))) {
    const order = patch[directive];
    delete patch[directive];
    if (!Array.isArray(order)) throw new PatchError(`expected a list for ${directive}`);
    const name = directive.slice(SET_ORDER.length + 1);
    setElementOrder(original, patch, name, order, fieldOf(type, name));
  }
}

function setElementOrder(
  original: JsonObject,
  patch: JsonObject,
  name: string,
  order: unknown[],
  field: FieldFact | undefined,
): void {
  const key = field?.pk ?? '';
  const current = original[name];
  const changes = patch[name];
  if (Array.isArray(changes)) checkOrder(changes, order, key, name);
  let merged: unknown[];
  if (Array.isArray(current) && Array.isArray(changes)) merged = mergeList(current, changes, field);
  else if (Array.isArray(current) && changes === undefined) merged = current;
  else if (Array.isArray(changes)) merged = withoutDirectives(changes) as unknown[];
  else return;
  const [listed, others] = splitByPresence(merged, order, key);
  original[name] = normalizeOrder(listed, others, order, Array.isArray(current) ? current : [], key);
  delete patch[name];
}

/** Every changed item must stand in the order list, and in the same sequence. */
function checkOrder(changes: unknown[], order: unknown[], key: string, name: string): void {
  let at = 0;
  for (const change of changes) {
    if (isJsonObject(change) && DIRECTIVE in change) continue;
    while (at < order.length && !sameElement(order[at], change, key)) at += 1;
    if (at >= order.length) {
      throw new PatchError(`The order in patch list doesn't match $setElementOrder/${name} list`, {
        malformed: true,
      });
    }
    at += 1;
  }
}

/** What a patch adds anew: without its directives, and without fields that it says to remove. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.filter((item) => !isJsonObject(item) || !(DIRECTIVE in item)).map(withoutDirectives);
  }
  if (!isJsonObject(value)) return value;
  if (value[DIRECTIVE] === 'delete') return {};
  const entries = Object.entries(value).filter(([name, item]) => item !== null && !isDirective(name));
  return Object.fromEntries(entries.map(([name, item]) => [name, withoutDirectives(item)]));
}

function isDirective(name: string): boolean {
  return (
    name === DIRECTIVE ||
    name === RETAIN_KEYS ||
    name.startsWith(DELETE_FROM_LIST) ||
    name.startsWith(SET_ORDER)
  );
}

function setOwn(target: JsonObject, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}
