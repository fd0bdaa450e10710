import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { ClusterError, type IpFamilies } from './config.ts';
import { planLoopbackNet } from './plan-addresses.ts';

/** Raised when a newer layout could not be read by this program; older ones are migrated when they exist. */
const LAYOUT_VERSION = 1;

/** What a cluster keeps besides its objects, in `cluster.json`. */
export interface Settings {
  readonly version: number;
  readonly name: string;
  readonly ipFamily: IpFamilies;
  readonly apiPort: number;
  /** Port of the SOCKS5 and HTTP proxy on 127.0.0.1. */
  readonly proxyPort: number;
  /** Upper 24 bits of the nodes' loopback addresses, such as `127.81.9`. */
  readonly loopbackNet: string;
}

/** The paths inside a cluster's data directory. */
export interface StatePaths {
  readonly dir: string;
  readonly settings: string;
  readonly lock: string;
  readonly controlSocket: string;
  readonly database: string;
  readonly pki: string;
  readonly kubeconfig: string;
  readonly logs: string;
  readonly nodes: string;
}

/** `$XDG_DATA_HOME/portolan`, which holds `clusters/` and `images/`. */
export function dataHome(env: Readonly<Record<string, string | undefined>>): string {
  const base = env['XDG_DATA_HOME'];
  return join(base?.startsWith('/') ? base : join(env['HOME'] ?? homedir(), '.local', 'share'), 'portolan');
}

export function statePaths(dir: string): StatePaths {
  return {
    dir,
    settings: join(dir, 'cluster.json'),
    lock: join(dir, 'lock'),
    controlSocket: join(dir, 'control.sock'),
    database: join(dir, 'state.db'),
    pki: join(dir, 'pki'),
    kubeconfig: join(dir, 'kubeconfig'),
    logs: join(dir, 'logs'),
    nodes: join(dir, 'nodes'),
  };
}

/** Reads the settings of last time; undefined for a new cluster. Refuses what a newer program has written. */
export function readSettings(paths: StatePaths): Settings | undefined {
  if (!existsSync(paths.settings)) return undefined;
  let value: Partial<Settings>;
  try {
    value = JSON.parse(readFileSync(paths.settings, 'utf8')) as Partial<Settings>;
  } catch (error) {
    throw new ClusterError(`${paths.settings}: ${(error as Error).message}`, { cause: error });
  }
  if (typeof value.version !== 'number') throw new ClusterError(`${paths.settings}: version is missing`);
  if (value.version > LAYOUT_VERSION) {
    throw new ClusterError(
      `${paths.dir} was written by a newer Portolan (layout ${value.version}, this one knows ${LAYOUT_VERSION}): ` +
        'use that one, or another --data-dir',
    );
  }
  return value as Settings;
}

/** Completes the settings of a new cluster; those of an existing one stay, whatever was not asked for again. */
export function nextSettings(
  name: string,
  kept: Settings | undefined,
  asked: { readonly ipFamily: IpFamilies | undefined; readonly apiPort: number; readonly proxyPort: number },
  takenLoopbackNets: ReadonlySet<string>,
): Settings {
  if (kept !== undefined && asked.ipFamily !== undefined && asked.ipFamily !== kept.ipFamily) {
    throw new ClusterError(
      `cluster ${JSON.stringify(name)} was made with --ip-family ${kept.ipFamily} and its Services have such ` +
        `addresses: use another --name for --ip-family ${asked.ipFamily}`,
    );
  }
  return {
    version: LAYOUT_VERSION,
    name,
    ipFamily: kept?.ipFamily ?? asked.ipFamily ?? 'ipv4',
    apiPort: asked.apiPort,
    proxyPort: asked.proxyPort,
    loopbackNet: kept?.loopbackNet ?? planLoopbackNet(name, takenLoopbackNets),
  };
}

/** Replaces the settings in one step. */
export function writeSettings(paths: StatePaths, settings: Settings): void {
  writeFileAtomically(paths.settings, `${JSON.stringify(settings, null, 2)}\n`);
}

/** Writes a whole file or nothing, readable by its owner only. */
export function writeFileAtomically(path: string, text: string): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}

/** Makes the directories of a cluster, for its owner only. */
export function makeStateDir(paths: StatePaths): void {
  for (const dir of [paths.dir, paths.pki, paths.logs, paths.nodes]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }
}

/** Loopback networks and ports that the other clusters beside this one keep for themselves. */
export function readNeighbours(paths: StatePaths): { loopbackNets: Set<string>; ports: Set<number> } {
  const loopbackNets = new Set<string>();
  const ports = new Set<number>();
  const clusters = dirname(paths.dir);
  for (const name of readdirSync(clusters)) {
    const other = statePaths(join(clusters, name));
    if (other.dir === paths.dir || !existsSync(other.settings)) continue;
    try {
      const settings = JSON.parse(readFileSync(other.settings, 'utf8')) as Partial<Settings>;
      if (settings.loopbackNet !== undefined) loopbackNets.add(settings.loopbackNet);
      for (const port of [settings.apiPort, settings.proxyPort]) if (port !== undefined) ports.add(port);
    } catch {
      // A neighbour's file that cannot be read reserves nothing.
    }
  }
  return { loopbackNets, ports };
}
