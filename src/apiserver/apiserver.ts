import { createAccess } from '#apiserver/auth/access.ts';
import { createConnector } from '#apiserver/connect/connector.ts';
import { createAdmission } from './admission/admission.ts';
import { serviceCompanions } from './allocators/service-companions.ts';
import { bootstrap } from './bootstrap/bootstrap.ts';
import { bootstrapServices } from './bootstrap/kubernetes-service.ts';
import { Cache } from './cache/cache.ts';
import type { ApiServer, ApiServerConfig } from './config.ts';
import type { Engine } from './engine/engine.ts';
import { keepHistoryShort } from './history.ts';
import { Handler } from './http/handler.ts';
import { addressOf, listen, stop } from './http/listen.ts';
import { Metrics } from './http/metrics.ts';
import { nonResourceHandler } from './http/nonresource.ts';
import { openMemoryStorage } from './storage/memory.ts';
import { openSqliteStorage } from './storage/sqlite.ts';

export type { ApiServer, ApiServerConfig } from './config.ts';

/** Starts the API server; resolves when it answers. Throws when the storage or an address cannot be had. */
export async function startApiServer(config: ApiServerConfig): Promise<ApiServer> {
  config.signal?.throwIfAborted();
  const closing = new AbortController();

  // Everything stored is in memory; storage makes it last.
  const storage = config.storage === 'memory' ? openMemoryStorage() : openSqliteStorage(config.storage);
  const cache = await Cache.open(storage);
  const access = createAccess({
    objects: cache,
    serviceAccountKey: config.serviceAccount.key,
    issuer: config.serviceAccount.issuer,
    staticTokens: config.staticTokens,
    authorizationMode: config.authorizationMode,
  });

  // What happens to an object that is written.
  const engine: Engine = {
    cache,
    admission: createAdmission(cache, config, access.checkEscalation),
    companions: new Map([['services', serviceCompanions(cache, config)]]),
    now: Date.now,
  };
  await bootstrap(engine);
  await bootstrapServices(engine, config);
  const history = keepHistoryShort(cache, (error) => process.emitWarning(`compaction: ${String(error)}`));

  // From here on it answers.
  const metrics = new Metrics();
  metrics.gauge('portolan_storage_revision', () => cache.revision);
  const address = (): string =>
    servers[0] === undefined ? '' : `${addressOf(servers[0]).host}:${addressOf(servers[0]).port}`;
  const nonResource = nonResourceHandler({
    metrics,
    address,
    storageWorks: () => !closing.signal.aborted,
    documents: access.openIdDocuments,
  });
  const connector = createConnector(config);
  const handler = new Handler({
    engine,
    access,
    connector,
    virtualCreates: access.virtualCreates,
    nonResource,
    metrics,
    signal: closing.signal,
  });
  const servers = await listen(config, handler);

  const close = async (): Promise<void> => {
    if (closing.signal.aborted) return;
    closing.abort();
    await stop(servers);
    history[Symbol.dispose]();
    access[Symbol.dispose]();
    await cache.close();
  };
  config.signal?.addEventListener('abort', () => void close(), { once: true });
  return { addresses: servers.map(addressOf), close, [Symbol.asyncDispose]: close };
}
