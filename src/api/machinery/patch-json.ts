// JSON Patch (RFC 6902), as lenient as upstream's library where the RFC would refuse: `replace` of a missing field adds
// it, `copy` of one copies null, a missing value is null, a pointer's first part is dropped even if it is not empty,
// list indices may count from the end.
import { cloneJson } from './equal.ts';
import { isJsonObject, type JsonObject } from './object.ts';

/** A patch that cannot be read (`malformed`) or that does not fit the document. */
export class PatchError extends Error {
  override readonly name = 'PatchError';
  readonly malformed: boolean;
  constructor(message: string, { malformed = false }: { malformed?: boolean } = {}) {
    super(message);
    this.malformed = malformed;
  }
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from: string;
  readonly value: unknown;
}

/** What `copy` operations may add in all, as upstream: each can double the document, so that a short patch would fill all memory. */
const MAX_COPIED_LENGTH = 3 * 1024 * 1024;

/** Applies a JSON patch and returns the new document; `document` is not changed. Throws PatchError. */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch))
    throw new PatchError('a JSON patch must be a list of operations', { malformed: true });
  const holder: JsonObject = { document: cloneJson(document) };
  let copied = 0;
  for (const item of patch as unknown[]) {
    const operation = readOperation(item);
    if (operation.op === 'copy') {
      copied += JSON.stringify(lenientGet(holder, operation.from)).length;
      if (copied > MAX_COPIED_LENGTH)
        throw new PatchError(`the copies of this patch are larger than ${MAX_COPIED_LENGTH} bytes`);
    }
    applyOperation(holder, operation);
  }
  return holder['document'];
}

function readOperation(item: unknown): Operation {
  if (!isJsonObject(item))
    throw new PatchError('a JSON patch operation must be an object', { malformed: true });
  const { op, path, from } = item;
  if (typeof op !== 'string' || typeof path !== 'string') {
    throw new PatchError('a JSON patch operation must have op and path', { malformed: true });
  }
  return { op, path, from: typeof from === 'string' ? from : '', value: item['value'] };
}

function applyOperation(holder: JsonObject, operation: Operation): void {
  const { op, path, from } = operation;
  switch (op) {
    case 'add':
      return insert(holder, path, cloneJson(operation.value ?? null));
    case 'remove':
      return remove(holder, path);
    case 'replace':
      return assign(holder, path, cloneJson(operation.value ?? null));
    case 'move': {
      const moved = get(holder, from);
      if (path.startsWith(`${from}/`)) throw new PatchError(`cannot move ${from} into itself`);
      remove(holder, from);
      return insert(holder, path, moved);
    }
    case 'copy':
      return insert(holder, path, cloneJson(lenientGet(holder, from)));
    case 'test':
      return test(holder, operation);
    default:
      throw new PatchError(`Unexpected kind: ${op}`);
  }
}

function test(holder: JsonObject, { path, value }: Operation): void {
  if (!sameJson(lenientGet(holder, path), value ?? null)) throw new PatchError(`testing path ${path} failed`);
}

/** Equality as RFC 6902 (4.6) has it: a missing field differs from null. */
function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && sameJson(a[name], b[name]))
  );
}

/** The parts of a JSON pointer (RFC 6901) below the document. */
function parsePointer(pointer: string): string[] {
  if (pointer === '') return ['document'];
  const parts = pointer.split('/').slice(1);
  return ['document', ...parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))];
}

interface Target {
  readonly parent: JsonObject | unknown[];
  readonly name: string;
}

function locate(holder: JsonObject, pointer: string): Target {
  const parts = parsePointer(pointer);
  const name = parts.pop() ?? '';
  let parent: unknown = holder;
  for (const part of parts) parent = child(parent, part, pointer);
  if (!Array.isArray(parent) && !isJsonObject(parent)) throw missing(pointer);
  return { parent, name };
}

function child(parent: unknown, part: string, pointer: string): unknown {
  if (Array.isArray(parent)) return parent[existingIndex(parent, part, pointer)];
  if (isJsonObject(parent) && Object.hasOwn(parent, part)) return parent[part];
  throw missing(pointer);
}

function existingIndex(list: unknown[], part: string, pointer: string): number {
  const index = /^-?\d{1,9}$/.test(part) ? Number(part) : Number.NaN;
  const at = index < 0 ? list.length + index : index;
  if (!(at >= 0 && at < list.length)) throw missing(pointer);
  return at;
}

function missing(pointer: string): PatchError {
  return new PatchError(`path ${pointer} does not exist: missing value`);
}

function get(holder: JsonObject, pointer: string): unknown {
  const { parent, name } = locate(holder, pointer);
  return child(parent, name, pointer);
}

/** The value at a pointer; null where the last name is missing. */
function lenientGet(holder: JsonObject, pointer: string): unknown {
  const { parent, name } = locate(holder, pointer);
  if (Array.isArray(parent)) return parent[existingIndex(parent, name, pointer)];
  return Object.hasOwn(parent, name) ? parent[name] : null;
}

function assign(holder: JsonObject, pointer: string, value: unknown): void {
  const { parent, name } = locate(holder, pointer);
  if (Array.isArray(parent)) parent[existingIndex(parent, name, pointer)] = value;
  else setOwn(parent, name, value);
}

function insert(holder: JsonObject, pointer: string, value: unknown): void {
  const { parent, name } = locate(holder, pointer);
  if (!Array.isArray(parent)) return setOwn(parent, name, value);
  if (name === '-') return void parent.push(value);
  const index = /^-?\d{1,9}$/.test(name) ? Number(name) : Number.NaN;
  const at = index < 0 ? parent.length + 1 + index : index;
  if (!(at >= 0 && at <= parent.length)) {
    throw new PatchError(`Unable to access invalid index: ${name}: invalid index referenced`);
  }
  parent.splice(at, 0, value);
}

function remove(holder: JsonObject, pointer: string): void {
  const { parent, name } = locate(holder, pointer);
  if (Array.isArray(parent)) parent.splice(existingIndex(parent, name, pointer), 1);
  else if (Object.hasOwn(parent, name)) delete parent[name];
  else throw new PatchError(`Unable to remove nonexistent key: ${name}: missing value`);
}

function setOwn(target: JsonObject, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}
