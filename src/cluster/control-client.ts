import { closeSync, constants, openSync } from 'node:fs';
import { request } from 'node:http';
import { basename, dirname } from 'node:path';
import type { StatePaths } from './state-dir.ts';
import type { ClusterStatus, EnterTarget } from './status.ts';

/** Nobody answers on the control socket: the cluster is not up. */
export class NotUpError extends Error {
  override readonly name = 'NotUpError';
}

/** A question that the supervisor refused, with its reason. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
}

/** Asks a running supervisor over the control socket of its data directory. */
export class ControlClient {
  readonly #paths: StatePaths;

  constructor(paths: StatePaths) {
    this.#paths = paths;
  }

  status(): Promise<ClusterStatus> {
    return this.#ask<ClusterStatus>('GET', '/status');
  }

  /** Resolves when the cluster has ended, with all its processes. */
  async down(): Promise<void> {
    await this.#ask('POST', '/down');
  }

  /** `outside`, `node/NAME` or `pod/NAMESPACE/NAME`. */
  enter(target: string): Promise<EnterTarget> {
    return this.#ask<EnterTarget>('GET', `/enter?target=${encodeURIComponent(target)}`);
  }

  /** Ends the thread of `apiserver`, `controllers`, `fabric` or a node as a failure would. */
  async killPart(name: string): Promise<void> {
    await this.#ask('POST', `/kill?part=${encodeURIComponent(name)}`);
  }

  #ask<T>(method: string, path: string): Promise<T> {
    return withShortPath(this.#paths.controlSocket, (socketPath) => exchange<T>(socketPath, method, path));
  }
}

function exchange<T>(socketPath: string, method: string, path: string): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const outgoing = request({ socketPath, method, path, agent: false }, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
    });
    response.on('error', reject);
    response.on('end', () => {
      const body = JSON.parse(text === '' ? 'null' : text) as unknown;
      if (response.statusCode === 200) resolve(body as T);
      else reject(new ControlError((body as { error: string }).error));
    });
  });
  outgoing.on('error', (error: NodeJS.ErrnoException) => {
    const nobody = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
    reject(nobody ? new NotUpError('the cluster is not up', { cause: error }) : error);
  });
  outgoing.end();
  return promise;
}

/**
 * A socket's path holds 107 bytes; a data directory may be longer. Through its directory's descriptor every path is
 * short.
 */
export async function withShortPath<T>(path: string, use: (shortPath: string) => Promise<T>): Promise<T> {
  let directory: number;
  try {
    directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw new NotUpError('the cluster is not up', { cause: error });
  }
  try {
    return await use(`/proc/self/fd/${directory}/${basename(path)}`);
  } finally {
    closeSync(directory);
  }
}
