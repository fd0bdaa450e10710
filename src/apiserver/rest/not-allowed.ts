import { StatusError } from '#api/machinery/status-error.ts';

/** 405: the path is there, but not for this method. */
export function methodNotAllowed(): StatusError {
  return new StatusError({
    status: 'Failure',
    message: 'the server does not allow this method on the requested resource',
    reason: 'MethodNotAllowed',
    details: {},
    code: 405,
  });
}
