/** The text of kubeconfig files: read, checked field by field, merged. */

/** A kubeconfig that cannot be used; the message names the file and the field. */
export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError';
}

interface Entry {
  /** The file it came from; paths in it are relative to that file. */
  file: string;
  /** File and field for errors, for example `~/.kube/config: clusters[0].cluster`. */
  at: string;
  /** The other fields whose values are text. */
  fields: Map<string, string>;
}

export interface ClusterEntry extends Entry {
  server: string;
  insecureSkipTlsVerify: boolean;
  tlsServerName: string | undefined;
}

export interface UserEntry extends Entry {
  /** A way to log in that we do not know: `exec`, `auth-provider`, `username`. */
  unsupported: string | undefined;
}

export interface ContextEntry extends Entry {
  cluster: string;
  user: string;
  namespace: string | undefined;
}

export interface KubeconfigFile {
  currentContext: string | undefined;
  clusters: Map<string, ClusterEntry>;
  users: Map<string, UserEntry>;
  contexts: Map<string, ContextEntry>;
}

type Fields = Record<string, unknown>;

const UNSUPPORTED_LOGINS = ['exec', 'auth-provider', 'username', 'password'];

/** Parses one file. Throws KubeconfigError. */
export async function parseKubeconfig(text: string, file: string): Promise<KubeconfigFile> {
  const root = await parseText(text, file);
  if (root['kind'] !== undefined && root['kind'] !== 'Config') {
    throw new KubeconfigError(`${file}: kind: must be Config, is ${JSON.stringify(root['kind'])}`);
  }
  return {
    currentContext: textOf(root, 'current-context', file),
    clusters: entries(root, 'clusters', 'cluster', file, clusterOf),
    users: entries(root, 'users', 'user', file, userOf),
    contexts: entries(root, 'contexts', 'context', file, contextOf),
  };
}

/** The first file that says something wins, entry by entry, as kubectl merges $KUBECONFIG. */
export function mergeKubeconfigs(files: readonly KubeconfigFile[]): KubeconfigFile {
  const merged: KubeconfigFile = {
    currentContext: files.find((file) => file.currentContext)?.currentContext,
    clusters: new Map(),
    users: new Map(),
    contexts: new Map(),
  };
  for (const file of files) {
    addMissing(merged.clusters, file.clusters);
    addMissing(merged.users, file.users);
    addMissing(merged.contexts, file.contexts);
  }
  return merged;
}

function addMissing<T>(into: Map<string, T>, from: Map<string, T>): void {
  for (const [name, entry] of from) if (!into.has(name)) into.set(name, entry);
}

/** JSON is read without the YAML library, which is slow to load. */
async function parseText(text: string, file: string): Promise<Fields> {
  let root: unknown;
  try {
    root = text.trimStart().startsWith('{') ? JSON.parse(text) : (await import('yaml')).parse(text);
  } catch (cause) {
    // The parser of YAML shows the line below what it says.
    const [problem = ''] = (cause as Error).message.split('\n');
    throw new KubeconfigError(`${file}: ${problem.replace(/:$/, '')}`, { cause });
  }
  return fieldsOf(root ?? {}, file);
}

function fieldsOf(value: unknown, at: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new KubeconfigError(`${at}: must be an object`);
  }
  return value as Fields;
}

function textOf(fields: Fields, name: string, at: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string')
    throw new KubeconfigError(`${at}: ${name}: must be text, is ${typeof value}`);
  return value;
}

function entries<T>(
  root: Fields,
  list: string,
  inner: string,
  file: string,
  parse: (fields: Fields, entry: Entry) => T,
): Map<string, T> {
  const found = new Map<string, T>();
  const value = root[list] ?? [];
  if (!Array.isArray(value)) throw new KubeconfigError(`${file}: ${list}: must be a list`);
  for (const [index, item] of value.entries()) {
    const at = `${file}: ${list}[${index}]`;
    const named = fieldsOf(item, at);
    const name = textOf(named, 'name', at);
    if (name === undefined) throw new KubeconfigError(`${at}: name: is missing`);
    const fields = fieldsOf(named[inner] ?? {}, `${at}.${inner}`);
    // The first of two entries of one name wins, as kubectl reads them.
    if (!found.has(name))
      found.set(name, parse(fields, { file, at: `${at}.${inner}`, fields: texts(fields) }));
  }
  return found;
}

function texts(fields: Fields): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === 'string' && value !== '') found.set(name, value);
  }
  return found;
}

function clusterOf(fields: Fields, entry: Entry): ClusterEntry {
  const insecure = fields['insecure-skip-tls-verify'] ?? false;
  if (typeof insecure !== 'boolean') {
    throw new KubeconfigError(`${entry.at}.insecure-skip-tls-verify: must be true or false`);
  }
  const server = textOf(fields, 'server', entry.at);
  if (server === undefined) throw new KubeconfigError(`${entry.at}.server: is missing`);
  return {
    ...entry,
    server,
    insecureSkipTlsVerify: insecure,
    tlsServerName: entry.fields.get('tls-server-name'),
  };
}

function userOf(fields: Fields, entry: Entry): UserEntry {
  return {
    ...entry,
    unsupported: UNSUPPORTED_LOGINS.find((name) => (fields[name] ?? '') !== ''),
  };
}

function contextOf(fields: Fields, entry: Entry): ContextEntry {
  const cluster = textOf(fields, 'cluster', entry.at);
  if (cluster === undefined) throw new KubeconfigError(`${entry.at}.cluster: is missing`);
  return {
    ...entry,
    cluster,
    user: textOf(fields, 'user', entry.at) ?? '',
    namespace: textOf(fields, 'namespace', entry.at),
  };
}
