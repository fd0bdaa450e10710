/** Container logs as a plain chunked response. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ContainerAccess, ContainerRef, LogOptions } from '#node/container-access.ts';

/** A log that is silent for so long is told to be open before its first byte comes. */
const SILENCE_MS = 200;

/** Rejects with the access's error if nothing was sent yet; later errors break the response off. */
export async function serveLogs(
  response: ServerResponse,
  access: Pick<ContainerAccess, 'logs'>,
  container: ContainerRef,
  options: LogOptions,
): Promise<void> {
  const aborter = new AbortController();
  response.once('close', () => aborter.abort());
  const chunks = access.logs(container, options, aborter.signal)[Symbol.asyncIterator]();
  response.setHeader('content-type', 'text/plain');
  const silence = setTimeout(() => response.flushHeaders(), SILENCE_MS);
  try {
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
      clearTimeout(silence);
      if (aborter.signal.aborted) {
        break;
      }
      if (!response.write(next.value)) {
        await once(response, 'drain', { signal: aborter.signal }).catch(() => {});
      }
    }
    response.end();
  } catch (error) {
    if (!response.headersSent) {
      throw error;
    }
    response.destroy();
  } finally {
    clearTimeout(silence);
    await chunks.return?.();
  }
}
