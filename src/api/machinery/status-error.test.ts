import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as field from './field-error.ts';
import * as status from './status-error.ts';

const DEPLOYMENTS = { group: 'apps', plural: 'deployments' };
const PODS = { group: '', plural: 'pods' };
const TABLE: readonly [status.StatusError, number, string, string][] = [
  [status.notFound(DEPLOYMENTS, 'd'), 404, 'NotFound', 'deployments.apps "d" not found'],
  [status.notFound(PODS, 'p'), 404, 'NotFound', 'pods "p" not found'],
  [status.noSuchResource(), 404, 'NotFound', 'the server could not find the requested resource'],
  [status.alreadyExists(PODS, 'p'), 409, 'AlreadyExists', 'pods "p" already exists'],
  [
    status.conflict(PODS, 'p', status.STALE_OBJECT),
    409,
    'Conflict',
    'Operation cannot be fulfilled on pods "p": the object has been modified; please apply your changes to the latest version and try again',
  ],
  [status.badRequest('no'), 400, 'BadRequest', 'no'],
  [status.unauthorized(), 401, 'Unauthorized', 'Unauthorized'],
  [status.forbidden(PODS, 'p', 'why'), 403, 'Forbidden', 'pods "p" is forbidden: why'],
  [status.forbidden(PODS, '', 'why'), 403, 'Forbidden', 'pods is forbidden: why'],
  [status.forbidden({ group: '', plural: '' }, '', 'why'), 403, 'Forbidden', 'forbidden: why'],
  [
    status.methodNotSupported(PODS, 'patch'),
    405,
    'MethodNotAllowed',
    'patch is not supported on resources of kind "pods"',
  ],
  [
    status.notAcceptable(['a', 'b']),
    406,
    'NotAcceptable',
    'only the following media types are accepted: a, b',
  ],
  [status.expired('old'), 410, 'Expired', 'old'],
  [status.gone('old'), 410, 'Gone', 'old'],
  [status.tooLarge('big'), 413, 'RequestEntityTooLarge', 'Request entity too large: big'],
  [status.tooManyRequests('slow', 3), 429, 'TooManyRequests', 'slow'],
  [status.internalError('x'), 500, 'InternalError', 'Internal error occurred: x'],
  [status.unclassified('x'), 500, '', 'x'],
  [status.notImplemented('x'), 501, 'NotImplemented', 'not implemented: x'],
  [status.serviceUnavailable('x'), 503, 'ServiceUnavailable', 'x'],
  [status.timeout('x'), 504, 'Timeout', 'Timeout: x'],
];
for (const [error, code, reason, message] of TABLE) {
  test(`a ${reason || 'failure without reason'} is ${code}: ${message}`, () => {
    assert.equal(error.code, code);
    assert.equal(error.reason, reason);
    assert.equal(error.message, message);
    assert.equal(error.status.kind, 'Status');
  });
}

test('unsupportedMediaType() lists what is accepted', () => {
  assert.match(status.unsupportedMediaType(['application/json']).message, /include: application\/json$/);
});

test('invalid() carries every finding as a cause, and one sentence', () => {
  const findings = [
    field.required('spec.a'),
    field.invalid('spec.b', 0, 'must be more'),
    field.required('spec.a'),
  ];
  const error = status.invalid({ group: 'apps', kind: 'Deployment' }, 'd', findings);
  assert.equal(error.code, 422);
  assert.equal(
    error.message,
    'Deployment.apps "d" is invalid: [spec.a: Required value, spec.b: Invalid value: 0: must be more]',
  );
  assert.deepEqual(error.status.details?.causes?.[1], {
    reason: 'FieldValueInvalid',
    message: 'Invalid value: 0: must be more',
    field: 'spec.b',
  });
});

test('findings read as upstream writes them', () => {
  const texts: [field.FieldError, string][] = [
    [field.duplicate('a', { x: 1 }), 'a: Duplicate value: {"x":1}'],
    [field.forbidden('a', 'no'), 'a: Forbidden: no'],
    [field.notSupported('a', 'x', ['c', 'b']), 'a: Unsupported value: "x": supported values: "b", "c"'],
    [field.notFoundField('a', 'x'), 'a: Not found: "x"'],
    [field.tooLong('a', 5), 'a: Too long: may not be more than 5 bytes'],
    [field.tooMany('a', 2, 1), 'a: Too many: 2: must have at most 1 item'],
    [field.typeInvalid('a', undefined, 'x'), 'a: Invalid value: null: x'],
    [field.internalFieldError('', 'x'), 'Internal error: x'],
  ];
  for (const [error, text] of texts) assert.equal(field.fieldErrorText(error), text);
});

test('isNotFound() and its kin know their own', () => {
  assert.ok(status.isNotFound(status.notFound(PODS, 'p')));
  assert.ok(status.isConflict(status.conflict(PODS, 'p', 'x')));
  assert.ok(status.isAlreadyExists(status.alreadyExists(PODS, 'p')));
  assert.ok(status.isForbidden(status.forbidden(PODS, 'p', 'x')));
  assert.ok(status.isInvalid(status.invalid({ group: '', kind: 'Pod' }, 'p', [])));
  assert.ok(status.isGone(status.expired('x')) && status.isGone(status.gone('x')));
  assert.ok(!status.isNotFound(new Error('not found')));
});
