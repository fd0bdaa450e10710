/** The Status that ends an exec or attach session on its error channel. */
import { constants } from 'node:os';
import type { Status } from '#api/meta/v1.gen.ts';
import type { ContainerAccessErrorCode, ProcessExit } from '#node/container-access.ts';

export const SUCCESS: Status = { metadata: {}, status: 'Success' };

/** As a shell tells it: 128 + the signal's number for a process that a signal ended. */
export function exitCodeOf(exit: ProcessExit): number {
  if ('exitCode' in exit) {
    return exit.exitCode;
  }
  const signals: Partial<Record<string, number>> = constants.signals;
  return 128 + (signals[exit.signal] ?? 0);
}

export function exitStatus(exit: ProcessExit): Status {
  const exitCode = exitCodeOf(exit);
  return exitCode === 0
    ? SUCCESS
    : {
        metadata: {},
        status: 'Failure',
        message: `command terminated with exit code ${exitCode}`,
        reason: 'NonZeroExitCode',
        details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
      };
}

/** HTTP codes and reasons of refusals. */
export const REFUSALS: Readonly<Record<ContainerAccessErrorCode, { code: number; reason: string }>> = {
  badRequest: { code: 400, reason: 'BadRequest' },
  notFound: { code: 404, reason: 'NotFound' },
  internal: { code: 500, reason: 'InternalError' },
  notImplemented: { code: 501, reason: 'NotImplemented' },
};

export function refusalStatus(refusal: ContainerAccessErrorCode, message: string): Status {
  const { code, reason } = REFUSALS[refusal];
  const text = refusal === 'internal' ? `Internal error occurred: ${message}` : message;
  return { metadata: {}, status: 'Failure', message: text, reason, code };
}
