import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { array, assert as check, constantFrom, property } from 'fast-check';
import { parseBlockKey } from './block-key.ts';
import { CorefileError } from './error.ts';
import { parseCorefile, type WrittenBlock } from './parse.ts';

/** Directives as `[name, args, block]`, keys as texts. */
function shape(blocks: readonly WrittenBlock[]): unknown {
  const directives = (list: WrittenBlock['directives']): unknown[] =>
    list.map(({ name, args, block }) => [name, ...args, ...(block === undefined ? [] : [directives(block)])]);
  return blocks.map((block) => [block.keys.map(({ text }) => text), directives(block.directives)]);
}

test('parseCorefile() reads blocks, nested options, comments and quoted words', () => {
  const text = `# top
. {
  errors # after
  template IN A . {
    answer "{{ .Name }} 5 IN TXT \\"a b\\""
  }
}
a.example:53, tls://b.example
{
  whoami
}
`;
  for (const written of [text, text.replace('b.example\n{', 'b.example {')])
    assert.deepEqual(shape(parseCorefile(written, 'Corefile')), [
      [['.'], [['errors'], ['template', 'IN', 'A', '.', [['answer', '{{ .Name }} 5 IN TXT "a b"']]]]],
      [['a.example:53', 'tls://b.example'], [['whoami']]],
    ]);
  assert.throws(() => parseCorefile('. {\nwhoami\n}\n{\n}', 'C'), /C:4: \{ without a zone before it/);
});

test('parseCorefile() takes a lone block without braces and keys over several lines', () => {
  assert.deepEqual(shape(parseCorefile('.:53\nwhoami\nlog', 'C')), [[['.:53'], [['whoami'], ['log']]]]);
  assert.deepEqual(shape(parseCorefile('a,\nb {\n}', 'C')), [[['a', 'b'], []]]);
});

test('parseCorefile() puts environment variables in', () => {
  const env = { ZONE: 'x.example', PORT: '5300' };
  const blocks = parseCorefile('{$ZONE}:{%PORT%} {\n forward . {$NONE}1.1.1.1\n}', 'C', { env });
  assert.deepEqual(shape(blocks), [[['x.example:5300'], [['forward', '.', '1.1.1.1']]]]);
});

test('parseCorefile() puts snippets and files in where they are imported', () => {
  const folder = mkdtempSync(join(tmpdir(), 'corefile-'));
  try {
    writeFileSync(join(folder, 'a.conf'), 'whoami\nimport more/none*.conf\n');
    writeFileSync(join(folder, 'b.server'), 'b {\n log\n}\n');
    const warnings: string[] = [];
    const text =
      '(common) {\n errors\n cache 30 {\n  prefetch 1\n }\n}\n. {\n import common\n import a*.conf\n log\n}\nimport *.server\n';
    const blocks = parseCorefile(text, join(folder, 'Corefile'), {
      warn: (message) => warnings.push(message),
    });
    assert.deepEqual(shape(blocks), [
      [['.'], [['errors'], ['cache', '30', [['prefetch', '1']]], ['whoami'], ['log']]],
      [['b'], [['log']]],
    ]);
    assert.match(warnings.join(), /a\.conf:2: import more\/none\*\.conf: no file matches/);
    assert.throws(
      () => parseCorefile('. {\n import none.conf\n}', join(folder, 'Corefile')),
      /Corefile:2: import .*none\.conf: there is no snippet of this name and the file cannot be read \(ENOENT\)/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('parseCorefile() stops imports that never end', () => {
  assert.throws(() => parseCorefile('(a) {\n import a\n}\n. {\n import a\n}', 'C'), /more than 1000 imports/);
});

for (const [text, message] of [
  ['. {\n errors', /C:1: the block that begins here has no closing \}/],
  ['. {\n}\n}', /C:3: \} without a \{ before it/],
  ['.{\n errors\n}', /C:1: a space is missing before \{ in \.\{/],
  ['. {\n log "x\n}', /C:2: the quoted text that begins here has no closing "/],
  ['(a)\n. {\n}', /C:1: the snippet \(a\) has no/],
] as const) {
  test(`parseCorefile() names file and line of what is wrong in ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseCorefile(text, 'C'), message);
  });
}

test('parseCorefile() throws nothing but CorefileErrors', () => {
  const piece = constantFrom('{', '}', '\n', ' ', '"', '\\', '#', '(', ')', 'a', ',', 'import ', 'x', '{$A}');
  check(
    property(array(piece), (pieces) => {
      try {
        parseCorefile(pieces.join(''), '/nowhere/Corefile');
      } catch (error) {
        assert(error instanceof CorefileError, String(error));
      }
    }),
  );
});

function keys(text: string): string[] {
  return parseBlockKey({ text, where: { file: 'C', line: 1 } }).map(
    ({ scheme, zone, port }) => `${scheme} ${zone.text} ${port}`,
  );
}

test('parseBlockKey() reads schemes, zones, ports and networks', () => {
  assert.deepEqual(keys('.'), ['dns . 53']);
  assert.deepEqual(keys(':5300'), ['dns . 5300']);
  assert.deepEqual(keys('Example.ORG:1053'), ['dns example.org. 1053']);
  assert.deepEqual(keys('tls://example.org'), ['tls example.org. 853']);
  assert.deepEqual(keys('https://.:8443'), ['https . 8443']);
  assert.deepEqual(keys('10.0.0.0/8'), ['dns 10.in-addr.arpa. 53']);
  assert.deepEqual(keys('10.96.4.0/23:53'), ['dns 4.96.10.in-addr.arpa. 53', 'dns 5.96.10.in-addr.arpa. 53']);
  assert.deepEqual(keys('fd00:96::/32'), ['dns 6.9.0.0.0.0.d.f.ip6.arpa. 53']);
  assert.throws(() => keys('grpc://.'), /C:1: grpc:\/\/\.: the scheme grpc:\/\/ is not served by Portolan/);
  assert.throws(() => keys(`${'a'.repeat(64)}.example`), /C:1: .* is no zone/);
  assert.throws(() => keys('.:70000'), /there is no port 70000/);
});
