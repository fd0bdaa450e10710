import { mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { isMap, isSeq, parse, parseDocument, type YAMLSeq } from 'yaml';
import { ClusterError } from './config.ts';
import { writeFileAtomically } from './state-dir.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Adds a cluster's kubeconfig to the user's own (the first file of $KUBECONFIG, else ~/.kube/config) and makes it the
 * current context. Entries of the same name are replaced; everything else, comments included, stays.
 */
export function mergeKubeconfig(path: string, env: Environment): string {
  const target = userKubeconfig(env);
  const added = readFileSync(path, 'utf8');
  writeFileAtomically(target, mergeText(readIfThere(target), added, target));
  return target;
}

/** The merged text. Throws ClusterError when the user's file is no kubeconfig. */
export function mergeText(present: string | undefined, added: string, file: string): string {
  if (present === undefined || present.trim() === '') return added;
  const document = parseDocument(present);
  const [problem] = document.errors;
  if (problem !== undefined) throw new ClusterError(`${file}: ${problem.message.split('\n')[0]}`);
  if (!isMap(document.contents)) throw new ClusterError(`${file}: a kubeconfig is expected`);
  const source = parse(added) as Record<string, { name: string }[]> & { 'current-context': string };
  for (const section of ['clusters', 'users', 'contexts']) {
    const list = document.get(section);
    const seq = isSeq(list) ? list : (document.createNode([]) as YAMLSeq);
    if (seq !== list) document.set(section, seq);
    const entries = source[section] ?? [];
    const names = new Set(entries.map(({ name }) => name));
    seq.items = seq.items.filter((item) => !isMap(item) || !names.has(String(item.get('name'))));
    for (const entry of entries) seq.add(document.createNode(entry));
  }
  document.set('current-context', source['current-context']);
  return document.toString();
}

function userKubeconfig(env: Environment): string {
  const [first] = (env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  const path = first ?? join(env['HOME'] ?? homedir(), '.kube', 'config');
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  return path;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ClusterError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}
