import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text as readAll } from 'node:stream/consumers';
import { type Document, isCollection, isNode, isPair, isScalar, LineCounter, parseAllDocuments } from 'yaml';
import { decodeParsed } from '#api/machinery/decode.ts';
import { type KindInfo, kindOfObject } from '#api/machinery/kinds.ts';
import { isJsonObject, type JsonObject } from '#api/machinery/object.ts';
import { resource } from '#kube/resources.ts';
import type { ApplyItem } from './apply-objects.ts';
import { ClusterError } from './config.ts';

/** Reads manifests of files, of directories (their *.yaml, *.yml, *.json) and of standard input (`-`). */
export async function readManifests(paths: readonly string[], stdin: Readable): Promise<ApplyItem[]> {
  const items: ApplyItem[] = [];
  for (const path of paths) {
    if (path === '-') items.push(...parseManifest(await readAll(stdin), 'standard input'));
    else for (const file of filesOf(path)) items.push(...parseManifest(readText(file), file));
  }
  return items;
}

/** Reads the documents of one file. Throws ClusterError with file, line and field path. */
export function parseManifest(text: string, file: string): ApplyItem[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, version: '1.1', merge: true });
  const place = (offset: number): string => `${file}:${lines.linePos(offset).line}`;
  return [...documents].flatMap((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) {
      throw new ClusterError(`${place(problem.pos[0])}: ${problem.message.split('\n')[0]}`);
    }
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    if (value === null || value === undefined) return [];
    const start = document.contents?.range?.[0] ?? 0;
    if (!isJsonObject(value)) throw new ClusterError(`${place(start)}: an object is expected`);
    return objectsOf(value).map(({ object, prefix }) => {
      const at = (path: readonly (string | number)[]): string =>
        place(offsetOf(document, [...prefix, ...path]));
      return toItem(object, at);
    });
  });
}

type PlaceOf = (path: readonly (string | number)[]) => string;

/** The object itself, or the items of a List. */
function objectsOf(value: JsonObject): { object: JsonObject; prefix: (string | number)[] }[] {
  if (value['kind'] !== 'List' || !Array.isArray(value['items'])) return [{ object: value, prefix: [] }];
  return value['items'].filter(isJsonObject).map((object, index) => ({ object, prefix: ['items', index] }));
}

function toItem(value: JsonObject, placeOf: PlaceOf): ApplyItem {
  for (const field of ['apiVersion', 'kind']) {
    if (typeof value[field] !== 'string') throw new ClusterError(`${placeOf([])}: ${field} is missing`);
  }
  const info = kindOfObject(value);
  if (info === undefined) {
    throw new ClusterError(
      `${placeOf(['kind'])}: no kind ${JSON.stringify(value['kind'])} in version ${JSON.stringify(value['apiVersion'])}`,
    );
  }
  checkFields(value, info, placeOf);
  const metadata = isJsonObject(value['metadata']) ? value['metadata'] : {};
  if (typeof metadata['name'] !== 'string' && typeof metadata['generateName'] !== 'string') {
    throw new ClusterError(`${placeOf(['metadata'])}: metadata.name is missing`);
  }
  const target = resource(info.group, info.version, info.kind, info.plural, info.namespaced);
  const object = info.namespaced ? { ...value, metadata: { namespace: 'default', ...metadata } } : value;
  return { resource: target, object };
}

function checkFields(value: JsonObject, info: KindInfo, placeOf: PlaceOf): void {
  try {
    decodeParsed({ value, duplicates: [] }, info, { fieldValidation: 'Strict' });
  } catch (error) {
    const { message } = error as Error;
    // The decoder names fields as `unknown field "spec.x[0].y"` or `struct field Spec.spec.x of type`.
    const path = /field "([^"]+)"/.exec(message)?.[1] ?? /struct field \w+\.(\S+)/.exec(message)?.[1] ?? '';
    const plain = message.replace(/^.*(?:strict decoding error: |cannot be handled as an? [^:]*: )/, '');
    throw new ClusterError(`${placeOf(toPath(path))}: ${path === '' ? '' : `${path}: `}${plain}`, {
      cause: error,
    });
  }
}

function toPath(text: string): (string | number)[] {
  return [...text.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([word, index]) =>
    index === undefined ? word : Number(index),
  );
}

/** Where a field stands in the file; where its nearest parent does when it is not found. */
function offsetOf(document: Document, path: readonly (string | number)[]): number {
  let best = document.contents?.range?.[0] ?? 0;
  path.forEach((step, depth) => {
    const container = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    if (!isCollection(container)) return;
    const items: readonly unknown[] = container.items;
    const found = items.find((item, index) => {
      return isPair(item) ? isScalar(item.key) && item.key.value === step : index === step;
    });
    const node = isPair(found) ? found.key : found;
    if (isNode(node) && node.range) best = node.range[0];
  });
  return best;
}

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path)
      .filter((name) => /\.(?:ya?ml|json)$/.test(name))
      .sort()
      .map((name) => join(path, name));
  } catch (error) {
    throw new ClusterError(`-f ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ClusterError(`-f ${file}: ${(error as Error).message}`, { cause: error });
  }
}
