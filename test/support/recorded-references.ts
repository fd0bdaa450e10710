// Steps of a recorded case refer to earlier answers: `${1.metadata.name}`, or a changed copy of a whole answer.
import { isMap, type Json, type JsonMap, textOf } from './recorded-values.ts';

/** What references can be resolved to: `ns`, `id`, numbers of steps, names of saved answers. */
export type Answers = ReadonlyMap<string, Json>;

/** Replaces every reference in a value. A string that is one reference takes the value with its type. */
export function resolve(value: Json, answers: Answers): Json {
  if (typeof value === 'string') return resolveText(value, answers);
  if (Array.isArray(value)) return value.map((item) => resolve(item, answers));
  if (!isMap(value)) return value;
  if (value['$base'] !== undefined) return changedCopy(value, answers);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [resolveString(key, answers), resolve(item, answers)]),
  );
}

export function resolveString(text: string, answers: Answers): string {
  return text.replaceAll(/\$\{([^}]+)\}/g, (_, path: string) => textOf(lookUp(path, answers)));
}

function resolveText(text: string, answers: Answers): Json {
  const whole = /^\$\{([^}]+)\}$/.exec(text);
  return whole?.[1] === undefined ? resolveString(text, answers) : lookUp(whole[1], answers);
}

function lookUp(path: string, answers: Answers): Json {
  const [root = '', ...rest] = path.split('.');
  return at(answers.get(root) ?? null, rest) ?? `<no ${path}>`;
}

/** The value at a path; keys may hold dots, so the longest joint key is tried first. */
export function at(value: Json, path: readonly string[]): Json | undefined {
  if (path.length === 0) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  const holder = value as JsonMap;
  for (let end = path.length; end > 0; end--) {
    const key = path.slice(0, end).join('.');
    if (Object.hasOwn(holder, key)) return at(holder[key] ?? null, path.slice(end));
  }
  return undefined;
}

function changedCopy({ $base, $set, $unset }: JsonMap, answers: Answers): Json {
  const copy = structuredClone(resolve($base ?? null, answers));
  for (const path of Array.isArray($unset) ? $unset : []) {
    const parts = textOf(path).split('.');
    const parent = at(copy, parts.slice(0, -1));
    if (isMap(parent)) delete parent[parts.at(-1) ?? ''];
  }
  for (const [path, value] of Object.entries(isMap($set) ? $set : {}))
    setAt(copy, path.split('.'), resolve(value, answers));
  return copy;
}

function setAt(value: Json, path: readonly string[], item: Json): void {
  let holder = value as JsonMap;
  for (const part of path.slice(0, -1)) {
    const next = (holder[part] ??= {});
    holder = next as JsonMap;
  }
  holder[path.at(-1) ?? ''] = item;
}
