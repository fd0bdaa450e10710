/**
 * Where the API server is and who we are: from kubeconfig files (merged as kubectl does), or from the service
 * account of the pod we run in. Every error names the file and the field.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import type { ClientConfig } from './client.ts';
import {
  type ClusterEntry,
  KubeconfigError,
  type KubeconfigFile,
  mergeKubeconfigs,
  parseKubeconfig,
  type UserEntry,
} from './kubeconfig-file.ts';

export { KubeconfigError } from './kubeconfig-file.ts';

export interface LoadOptions {
  /** One file. Default: the files of $KUBECONFIG, then ~/.kube/config. */
  path?: string | undefined;
  /** Default: the file's current-context. */
  context?: string | undefined;
  env?: Record<string, string | undefined> | undefined;
}

const ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Tokens from files are rotated by the kubelet; the file is read again after so long. */
const TOKEN_FRESH_MS = 60_000;

/** Reads the kubeconfig. Throws KubeconfigError. */
export async function loadKubeconfig(options: LoadOptions = {}): Promise<ClientConfig> {
  const { env = process.env, path } = options;
  const paths = path === undefined ? defaultPaths(env) : [path];
  const files: KubeconfigFile[] = [];
  for (const file of paths) {
    const text = readIfThere(file, path !== undefined || paths.length === 1);
    if (text !== undefined) files.push(await parseKubeconfig(text, file));
  }
  if (files.length === 0) throw new KubeconfigError(`no kubeconfig at ${paths.join(', ')}`);
  return configOf(mergeKubeconfigs(files), options.context, paths.join(', '));
}

/** The API server of the pod we run in, as its service account. Throws KubeconfigError outside of a pod. */
export function inClusterConfig(
  env: Record<string, string | undefined> = process.env,
  directory: string = ACCOUNT_DIRECTORY,
): ClientConfig {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  if (!host || !port) {
    throw new KubeconfigError(
      'not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set',
    );
  }
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: read(join(directory, 'ca.crt'), 'the service account'),
    tokenSource: tokenFromFile(join(directory, 'token')),
    namespace: read(join(directory, 'namespace'), 'the service account').trim(),
  };
}

/** The kubeconfig given, else the pod's service account when in a cluster, else the user's kubeconfig. */
export async function loadConfig(options: LoadOptions = {}): Promise<ClientConfig> {
  const { env = process.env } = options;
  const asked = options.path !== undefined || Boolean(env['KUBECONFIG']);
  return !asked && env['KUBERNETES_SERVICE_HOST'] ? inClusterConfig(env) : loadKubeconfig(options);
}

function defaultPaths(env: Record<string, string | undefined>): string[] {
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  return listed.length > 0 ? [...new Set(listed)] : [join(env['HOME'] ?? homedir(), '.kube', 'config')];
}

/** Missing files of a list are passed over, as kubectl does; a single one must be there. */
function readIfThere(path: string, required: boolean): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (!required && (cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const { code } = cause as NodeJS.ErrnoException;
    throw new KubeconfigError(`the kubeconfig ${path} cannot be read (${code})`, { cause });
  }
}

function configOf(file: KubeconfigFile, wanted: string | undefined, where: string): ClientConfig {
  const name = wanted ?? file.currentContext;
  if (!name) throw new KubeconfigError(`${where}: current-context is not set: name a context`);
  const context = file.contexts.get(name);
  if (context === undefined) {
    const known = [...file.contexts.keys()].join(', ') || 'none';
    throw new KubeconfigError(`${where}: there is no context "${name}" (there are: ${known})`);
  }
  const cluster = file.clusters.get(context.cluster);
  if (cluster === undefined) {
    throw new KubeconfigError(
      `${context.file}: context "${name}" names the cluster "${context.cluster}", which is not there`,
    );
  }
  const user = context.user === '' ? undefined : file.users.get(context.user);
  if (user === undefined && context.user !== '') {
    throw new KubeconfigError(
      `${context.file}: context "${name}" names the user "${context.user}", which is not there`,
    );
  }
  return { ...clusterConfig(cluster), ...(user && userConfig(user)), namespace: context.namespace };
}

function clusterConfig(cluster: ClusterEntry): Partial<ClientConfig> & { server: string } {
  if (!URL.canParse(cluster.server) || !/^https?:/.test(cluster.server)) {
    throw new KubeconfigError(`${cluster.at}.server: "${cluster.server}" is no http or https URL`);
  }
  return {
    server: cluster.server,
    ca: pem(cluster, 'certificate-authority'),
    insecureSkipTlsVerify: cluster.insecureSkipTlsVerify,
    tlsServerName: cluster.tlsServerName,
  };
}

function userConfig(user: UserEntry): Partial<ClientConfig> {
  if (user.unsupported !== undefined) {
    throw new KubeconfigError(
      `${user.at}.${user.unsupported}: not implemented; use a client certificate or a token`,
    );
  }
  const cert = pem(user, 'client-certificate');
  const key = pem(user, 'client-key');
  if ((cert === undefined) !== (key === undefined)) {
    throw new KubeconfigError(
      `${user.at}: client-certificate and client-key go together, one of them is missing`,
    );
  }
  const tokenFile = user.fields.get('tokenFile');
  return {
    cert,
    key,
    token: user.fields.get('token'),
    ...(tokenFile === undefined
      ? {}
      : { tokenSource: tokenFromFile(resolve(dirname(user.file), tokenFile)) }),
  };
}

/** `NAME-data` (base64) wins over `NAME`, a path relative to the kubeconfig. */
function pem(entry: ClusterEntry | UserEntry, name: string): string | undefined {
  const data = entry.fields.get(`${name}-data`);
  if (data !== undefined) {
    const text = Buffer.from(data, 'base64').toString();
    if (!text.includes('-----BEGIN'))
      throw new KubeconfigError(`${entry.at}.${name}-data: holds no PEM in base64`);
    return text;
  }
  const path = entry.fields.get(name);
  return path === undefined ? undefined : read(resolve(dirname(entry.file), path), `${entry.at}.${name}`);
}

function read(path: string, why: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new KubeconfigError(`${why}: cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

function tokenFromFile(path: string): () => string {
  let token = read(path, 'token file').trim();
  let readAtMs = Date.now();
  return () => {
    if (Date.now() - readAtMs > TOKEN_FRESH_MS) {
      readAtMs = Date.now();
      token = read(path, 'token file').trim();
    }
    return token;
  };
}
