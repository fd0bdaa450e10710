import { rmSync } from 'node:fs';
import { tryLockFile } from '#os/file-lock.ts';
import { type ClusterConfig, ClusterError } from './config.ts';
import { type HostPort, listenFrom, listenOnPort } from './host-ports.ts';
import {
  makeStateDir,
  nextSettings,
  readNeighbours,
  readSettings,
  type Settings,
  type StatePaths,
  statePaths,
  writeSettings,
} from './state-dir.ts';

const FIRST_API_PORT = 6443;
const FIRST_PROXY_PORT = 1080;

/** A data directory and host ports that are ours alone until disposed. */
export interface ReservedState extends Disposable {
  readonly paths: StatePaths;
  readonly settings: Settings;
  readonly api: HostPort;
  readonly proxy: HostPort;
}

/** Takes a cluster's data directory and its ports on the host; throws ClusterError when somebody else has them. */
export function reserveState(config: ClusterConfig): ReservedState {
  const paths = statePaths(config.dataDir);
  const kept = readSettings(paths);
  makeStateDir(paths);
  const lock = tryLockFile(paths.lock);
  if (lock === undefined) throw new ClusterError(`cluster ${JSON.stringify(config.name)} is up already`);
  const neighbours = readNeighbours(paths);
  const wantedApi = config.apiPort ?? kept?.apiPort;
  const api =
    wantedApi === undefined
      ? listenFrom(FIRST_API_PORT, neighbours.ports)
      : listenOnPort(wantedApi, 'the API server', '--api-port');
  const proxy = takeProxyPort(kept?.proxyPort, new Set([...neighbours.ports, api.port]));
  const asked = { ipFamily: config.ipFamily, apiPort: api.port, proxyPort: proxy.port };
  const settings = nextSettings(config.name, kept, asked, neighbours.loopbackNets);
  writeSettings(paths, settings);
  return {
    paths,
    settings,
    api,
    proxy,
    [Symbol.dispose]() {
      rmSync(paths.controlSocket, { force: true });
      lock[Symbol.dispose]();
    },
  };
}

/** The proxy's port of last time where it is still free. */
function takeProxyPort(kept: number | undefined, avoid: ReadonlySet<number>): HostPort {
  if (kept !== undefined) {
    try {
      return listenOnPort(kept, 'the proxy', '');
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
    }
  }
  return listenFrom(FIRST_PROXY_PORT, avoid);
}
