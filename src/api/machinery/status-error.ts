// Failures as the API tells them: an HTTP code and a meta/v1 Status. Reasons and sentences are upstream's
// (k8s.io/apimachinery api/errors), because clients match on them.
import type { Status, StatusCause, StatusDetails } from '#api/meta/v1.gen.ts';
import { aggregateText, type FieldError, toCause } from './field-error.ts';

/** What a message names: the resource and its group. */
export interface ResourceName {
  readonly group: string;
  readonly plural: string;
}

/** What a message names: the kind and its group. */
export interface KindName {
  readonly group: string;
  readonly kind: string;
}

/** A failed request. `status` is the body of the answer, `code` its HTTP code. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly status: Status;
  readonly code: number;

  constructor(status: Status, options?: ErrorOptions) {
    super(status.message ?? status.reason ?? 'unknown failure', options);
    this.status = { apiVersion: 'v1', kind: 'Status', metadata: {}, ...status };
    this.code = status.code ?? 500;
  }

  /** For example `NotFound`; '' where the failure has none. */
  get reason(): string {
    return this.status.reason ?? '';
  }
}

/** Whether something thrown is a StatusError, and (when given) of that reason. */
export function isStatusError(error: unknown, reason?: string): error is StatusError {
  return error instanceof StatusError && (reason === undefined || error.reason === reason);
}

export const isNotFound = (error: unknown): boolean => isStatusError(error, 'NotFound');
export const isConflict = (error: unknown): boolean => isStatusError(error, 'Conflict');
export const isAlreadyExists = (error: unknown): boolean => isStatusError(error, 'AlreadyExists');
export const isInvalid = (error: unknown): boolean => isStatusError(error, 'Invalid');
export const isForbidden = (error: unknown): boolean => isStatusError(error, 'Forbidden');
/** The watched or paged version is too old: list again. */
export const isGone = (error: unknown): boolean =>
  isStatusError(error, 'Expired') || isStatusError(error, 'Gone');

function failure(code: number, reason: string, message: string, details?: StatusDetails): StatusError {
  return new StatusError({ status: 'Failure', message, reason, ...(details && { details }), code });
}

function qualified({ group, plural }: ResourceName): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function resourceDetails({ group, plural }: ResourceName, name: string): StatusDetails {
  return { name, ...(group !== '' && { group }), kind: plural };
}

/** 404: there is no such object. */
export function notFound(resource: ResourceName, name: string): StatusError {
  const message = `${qualified(resource)} "${name}" not found`;
  return failure(404, 'NotFound', message, resourceDetails(resource, name));
}

/** 404: there is no such path or resource. */
export function noSuchResource(): StatusError {
  return failure(404, 'NotFound', 'the server could not find the requested resource', {});
}

/** 409: the name is taken. */
export function alreadyExists(resource: ResourceName, name: string): StatusError {
  const message = `${qualified(resource)} "${name}" already exists`;
  return failure(409, 'AlreadyExists', message, resourceDetails(resource, name));
}

/** 409: the object is another one or a newer one than the request expects. */
export function conflict(resource: ResourceName, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return failure(409, 'Conflict', message, resourceDetails(resource, name));
}

/** The reason given with `conflict()` when an update carries an old resourceVersion. */
export const STALE_OBJECT =
  'the object has been modified; please apply your changes to the latest version and try again';

/** 422: fields are not as they must be. */
export function invalid(kind: KindName, name: string, errors: readonly FieldError[]): StatusError {
  const qualifiedKind = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  return failure(422, 'Invalid', `${qualifiedKind} "${name}" is invalid: ${aggregateText(errors)}`, {
    name,
    ...(kind.group !== '' && { group: kind.group }),
    kind: kind.kind,
    causes: errors.map(toCause),
  });
}

/** 400: the request makes no sense. */
export function badRequest(message: string): StatusError {
  return failure(400, 'BadRequest', message);
}

/** 401: who is asking is not known. */
export function unauthorized(message = 'Unauthorized'): StatusError {
  return failure(401, 'Unauthorized', message);
}

/** 403: the request is understood and refused. */
export function forbidden(resource: ResourceName, name: string, why: string): StatusError {
  let subject = qualified(resource);
  if (name !== '') subject += ` "${name}"`;
  const message = resource.plural === '' ? `forbidden: ${why}` : `${subject} is forbidden: ${why}`;
  return failure(403, 'Forbidden', message, resourceDetails(resource, name));
}

/** 405: the resource does not know this verb. */
export function methodNotSupported(resource: ResourceName, verb: string): StatusError {
  const message = `${verb} is not supported on resources of kind "${qualified(resource)}"`;
  return failure(405, 'MethodNotAllowed', message, resourceDetails(resource, ''));
}

/** 406: none of the accepted media types can be served. */
export function notAcceptable(accepted: readonly string[]): StatusError {
  const message = `only the following media types are accepted: ${accepted.join(', ')}`;
  return failure(406, 'NotAcceptable', message);
}

/** 415: the body's media type cannot be read. */
export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return failure(415, 'UnsupportedMediaType', message);
}

/** 410: the version asked for is compacted, or the continue token is too old. */
export function expired(message: string): StatusError {
  return failure(410, 'Expired', message);
}

/** 410, older wording of the same. */
export function gone(message: string): StatusError {
  return failure(410, 'Gone', message);
}

/** 413: the body is larger than what is read. */
export function tooLarge(message: string): StatusError {
  return failure(413, 'RequestEntityTooLarge', `Request entity too large: ${message}`);
}

/** 429: try again later. */
export function tooManyRequests(
  message: string,
  retryAfterSeconds: number,
  causes?: StatusCause[],
): StatusError {
  return failure(429, 'TooManyRequests', message, { retryAfterSeconds, ...(causes && { causes }) });
}

/** 500 with the reason InternalError. */
export function internalError(message: string, options?: ErrorOptions): StatusError {
  const text = `Internal error occurred: ${message}`;
  const details = { causes: [{ message }] };
  return new StatusError(
    { status: 'Failure', message: text, reason: 'InternalError', details, code: 500 },
    options,
  );
}

/** 500 without a reason: how upstream reports errors that nobody classified. */
export function unclassified(message: string): StatusError {
  return new StatusError({ status: 'Failure', message, code: 500 });
}

/** 501: known and not built. */
export function notImplemented(what: string): StatusError {
  return failure(501, 'NotImplemented', `not implemented: ${what}`);
}

/** 503: not now. */
export function serviceUnavailable(message: string): StatusError {
  return failure(503, 'ServiceUnavailable', message);
}

/** 504: the server gave up. */
export function timeout(message: string, retryAfterSeconds = 0): StatusError {
  return failure(504, 'Timeout', `Timeout: ${message}`, { retryAfterSeconds });
}
