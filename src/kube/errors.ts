/** Errors of talking to an API server, and questions about them. */
import { isStatusError } from '#api/machinery/status-error.ts';

export {
  isAlreadyExists,
  isConflict,
  isForbidden,
  isGone,
  isInvalid,
  isNotFound,
  StatusError,
} from '#api/machinery/status-error.ts';

/** The server could not be reached, or the connection broke before an answer was complete. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  /** The errno name where there is one, for example `ECONNREFUSED`. */
  readonly code: string | undefined;

  constructor(what: string, cause: unknown) {
    super(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.code = (cause as NodeJS.ErrnoException | undefined)?.code;
  }
}

/** True when the namespace is being deleted, so that nothing can be created in it. */
export function isNamespaceTerminating(error: unknown): boolean {
  return (
    isStatusError(error) &&
    error.code === 403 &&
    (error.status.details?.causes ?? []).some((cause) => cause.reason === 'NamespaceTerminating')
  );
}

/** True when a signal ended the wait, not a failure. */
export function isAborted(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}

/** Waits `ms`; rejects with the signal's reason when it fires first. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}
