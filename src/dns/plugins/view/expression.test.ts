import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { directives, request, SCOPE } from '#test/support/dns-plugin.ts';
import { ExpressionError, parseExpression } from './expression.ts';
import { VIEW_FUNCTIONS, view } from './view.ts';

const QUERY = request('www.Example.org', 'AAAA', { client: { address: '10.1.2.3', transport: 'tcp' } });

for (const [text, result] of [
  ["incidr(client_ip(), '10.0.0.0/8')", true],
  ["incidr(client_ip(), '192.168.0.0/16') || name() == 'www.example.org.'", true],
  ["type() in ['A', 'AAAA'] and not (proto() == 'udp')", true],
  ["type() not in ['A']", true],
  ["name() matches '^www[.]' && name() endsWith '.org.'", true],
  ["name() startsWith 'x' || name() contains 'exam'", true],
  ['size() * 2 + 1 > 12', true],
  ['do() ? false : size() > 12', true],
  ["!(class() == 'IN')", false],
  ['1 + 2 * 3 == 7 && 7 % 4 == 3', true],
  ["port() == '4242' and server_port() == '53'", true],
  ["len(name()) == 16 && upper(type()) == 'AAAA'", true],
  ["split(name(), '.')[0] == 'www' and split(name(), '.')[-2] == 'org'", true],
  ["trim(name(), '.') == 'www.example.org' && name()[0:3] == 'www' && name()[13:] == 'rg.'", true],
  ["hasPrefix(name(), 'www') && hasSuffix(name(), '.') && indexOf(name(), 'e') == 4", true],
  ['int(port()) in 4000..5000 && size() not in 1..2', true],
  ["replace('a.b', '.', '-') == 'a-b' and join(['a', 'b'], '+') == 'a+b' and repeat('x', 2) == 'xx'", true],
  ["max(1, 2) ** 3 == 8 && min(3, 2) == 2 && abs(-1) == 1 && string(5) == '5'", true],
  ["metadata('x') != nil && (nil ?? 'y') == 'y' && first(['z']) == 'z' && last([1, 2]) == 2", true],
  ["trimPrefix('ab', 'a') == 'b' && trimSuffix('ab', 'b') == 'a' && `a'b` == 'a\\'b'", true],
  ['0x10 == 16 && 1_000 == 1000 && floor(1.5) + ceil(1.5) + round(1.4) == 4', true],
  ['bufsize() == 65535', true],
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

for (const text of [
  'port() == 5',
  "size() > '1'",
  'incidr(client_ip())',
  "incidr(client_ip(), 'nowhere')",
  "name() matches '('",
  'name()',
  'len(1) == 1',
  'lower() == name()',
  '1..99999999 == []',
]) {
  test(`view refuses the expression ${text}, which no query fits`, () => {
    assert.throws(() => view.parse(directives(`view v {\nexpr ${text}\n}`), SCOPE), /Corefile:3: expr: /);
  });
}

test('view takes expressions that only some queries fit, and is not for the others', () => {
  for (const text of ["split(name(), '.')[9] == ''", "int(metadata('x')) > 1"]) {
    const { settings } = view.parse(directives(`view v {\nexpr ${text}\n}`), SCOPE);
    assert.equal(settings?.view?.matches(QUERY), false);
  }
});

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
