import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorText, NoAnswerError } from './error-text.ts';

const TO = '192.0.2.1:53';

function failure(code: string, syscall?: string, message = 'some words'): Error {
  return Object.assign(new Error(message), { code, syscall });
}

for (const [error, protocol, text] of [
  [new NoAnswerError(2000), 'udp', `read udp ${TO}: i/o timeout`],
  [new NoAnswerError(2000), 'tcp-tls', `read tcp ${TO}: i/o timeout`],
  [failure('ECONNREFUSED', 'recvmsg'), 'udp', `read udp ${TO}: read: connection refused`],
  [failure('ECONNREFUSED', 'connect'), 'tcp', `dial tcp ${TO}: connect: connection refused`],
  [failure('ENETUNREACH', 'connect'), 'tcp', `dial tcp ${TO}: connect: network is unreachable`],
  [
    failure('DEPTH_ZERO_SELF_SIGNED_CERT', undefined, 'self-signed certificate; if so, try that'),
    'tcp-tls',
    'tls: failed to verify certificate: x509: self-signed certificate',
  ],
  [
    new Error('canceled', { cause: failure('ECONNREFUSED', 'connect') }),
    'https',
    `Post "https://${TO}/dns-query": dial tcp ${TO}: connect: connection refused`,
  ],
  [new Error('closed'), 'tcp', `tcp ${TO}: closed`],
] as const) {
  test(`errorText() says ${JSON.stringify(text)}`, () => assert.equal(errorText(error, protocol, TO), text));
}
