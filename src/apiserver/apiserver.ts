import type { ApiServer, ApiServerConfig } from './config.ts';

/** Starts the API server; resolves when it answers. */
export function startApiServer(_config: ApiServerConfig): Promise<ApiServer> {
  return Promise.reject(new Error('startApiServer: not implemented yet'));
}
