// YAML text -> JSON value with its duplicate keys. In a file of its own because the yaml package is slow to load and
// most bodies are JSON.
import { type Document, isMap, isPair, isScalar, isSeq, parseAllDocuments } from 'yaml';
import type { ParsedJson } from './json-parse.ts';

/** Aliases could blow a small text up; nothing in a manifest needs this many. */
const MAX_ALIASES = 100;

/** Reads one YAML document as JSON; an unreadable one gives the problem in words. */
export function parseYaml(text: string): ParsedJson | { problem: string } {
  let documents: Document[];
  try {
    documents = parseAllDocuments(text, {
      uniqueKeys: false,
      version: '1.1',
      merge: true,
      customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || !isTimeTag(tag)),
    });
    const [document] = documents;
    if (document === undefined) return { value: null, duplicates: [] };
    const [problem] = document.errors;
    if (problem !== undefined) return { problem: `yaml: ${problem.message}` };
    const duplicates: string[] = [];
    findDuplicates(document.contents, '', duplicates);
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown, duplicates };
  } catch (error) {
    return { problem: `yaml: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** YAML 1.1 reads 22:22 and 2001-01-01 as numbers and dates; upstream's reader takes them as text. */
function isTimeTag(tag: { tag: string; format?: string }): boolean {
  return tag.format === 'TIME' || tag.tag === 'tag:yaml.org,2002:timestamp';
}

function findDuplicates(node: unknown, path: string, duplicates: string[]): void {
  if (isSeq(node)) {
    node.items.forEach((item, index) => findDuplicates(item, `${path}[${index}]`, duplicates));
  }
  if (!isMap(node)) return;
  const seen = new Set<string>();
  for (const pair of node.items) {
    if (!isPair(pair)) continue;
    const name = String(isScalar(pair.key) ? pair.key.value : pair.key);
    const at = path === '' ? name : `${path}.${name}`;
    if (seen.has(name)) duplicates.push(at);
    seen.add(name);
    findDuplicates(pair.value, at, duplicates);
  }
}
