import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { request } from '#test/support/dns-plugin.ts';
import { ExpressionError, parseExpression } from './expression.ts';
import { VIEW_FUNCTIONS } from './view.ts';

const QUERY = request('www.Example.org', 'AAAA', { client: { address: '10.1.2.3', transport: 'tcp' } });

for (const [text, result] of [
  ["incidr(client_ip(), '10.0.0.0/8')", true],
  ["incidr(client_ip(), '192.168.0.0/16') || name() == 'www.example.org.'", true],
  ["type() in ['A', 'AAAA'] and not (proto() == 'udp')", true],
  ["type() not in ['A']", true],
  ["name() matches '^www[.]' && name() endsWith '.org.'", true],
  ["name() startsWith 'x' || name() contains 'exam'", true],
  ['bufsize() * 2 + 1 == 1025', true],
  ['do() ? false : size() > 12', true],
  ["!(class() == 'IN')", false],
  ['1 + 2 * 3 == 7 && 7 % 4 == 3', true],
  ["port() == '4242' and server_port() == '53'", true],
] as const) {
  test(`parseExpression() judges ${text}`, () => {
    assert.equal(parseExpression(text, VIEW_FUNCTIONS)(QUERY), result);
  });
}

for (const text of ['', 'name(', 'name', '1 +', "incidr('x')('y')", '== 1', "'open", '@', '[1, 2']) {
  test(`parseExpression() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseExpression(text, VIEW_FUNCTIONS), ExpressionError);
  });
}

test('parseExpression() throws nothing but ExpressionError', () => {
  const token = fc.constantFrom(
    '(',
    ')',
    '[',
    ']',
    'name()',
    "'x'",
    '1',
    '==',
    'in',
    'not',
    '&&',
    '!',
    'matches',
    ',',
    '?',
    ':',
    '-',
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
      try {
        parseExpression(tokens.join(' '), VIEW_FUNCTIONS)(QUERY);
      } catch (error) {
        assert.ok(error instanceof ExpressionError, String(error));
      }
    }),
  );
});
