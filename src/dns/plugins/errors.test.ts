import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { emptyAnswer } from '#dns/finish-answer.ts';
import { compileChain } from '#dns/site.ts';
import { directives, instance, request, SCOPE, testContext } from '#test/support/dns-plugin.ts';
import { errors } from './errors.ts';

const TIMEOUT = 'read udp 192.0.2.1:53: i/o timeout';

/** What is logged after these errors, and then at the end. */
async function logged(t: TestContext, text: string, reasons: readonly string[]): Promise<string[]> {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const context = testContext(stack);
  const lines: string[] = [];
  const log = (message: string, level = 'INFO'): void => void lines.push(`${level} ${message}`);
  const plugin = await instance(errors, text, { ...context, log });
  for (const error of reasons)
    await plugin.handle?.(request('Www.Example.Org', 'AAAA'), () => ({ ...emptyAnswer(2), error }));
  await stack.disposeAsync();
  return lines;
}

test('errors writes code, name in lower case, type and reason, as CoreDNS does', async (t) => {
  assert.deepEqual(await logged(t, 'errors', [TIMEOUT]), [`ERROR 2 www.example.org. AAAA: ${TIMEOUT}`]);
});

test('errors says nothing about failures that a plugin meant', async (t) => {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const context = testContext(stack);
  const plugin = await instance(errors, 'errors', context);
  await plugin.handle?.(request('a.test', 'A'), () => emptyAnswer(5));
  assert.deepEqual(context.logged, []);
});

test('errors names the last plugin when none had an answer', async (t) => {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const context = testContext(stack);
  await compileChain([await instance(errors, 'errors', context)])(request('a.test', 'A'));
  assert.deepEqual(context.logged, ['2 a.test. A: plugin/errors: no next plugin found']);
});

test('errors consolidates those of one pattern into a line at its level, told at the end at the latest', async (t) => {
  const text = 'errors {\nconsolidate 5m "^read udp .* i/o timeout$" warning\n}';
  assert.deepEqual(await logged(t, text, [TIMEOUT, 'other', TIMEOUT]), [
    'ERROR 2 www.example.org. AAAA: other',
    "WARNING 2 errors like '^read udp .* i/o timeout$' occurred in last 5m0s",
  ]);
});

test('errors shows the first of the consolidated where asked to', async (t) => {
  const text = 'errors {\nconsolidate 30s timeout$ info show_first\n}';
  assert.deepEqual(await logged(t, text, [TIMEOUT]), [`INFO 2 www.example.org. AAAA: ${TIMEOUT}`]);
  assert.equal((await logged(t, text, [TIMEOUT, TIMEOUT])).length, 2);
});

for (const [text, problem] of [
  ['errors\nerrors', /Corefile:3: errors: is there already on line 2/],
  ['errors file.log', /Corefile:2: errors: takes no arguments but stdout/],
  ['errors {\nconsolidate 5m a nope\n}', /Corefile:3: consolidate: takes one of debug, info, warning, error/],
  ['errors {\nconsolidate 5m a show_first info\n}', /Corefile:3: consolidate: takes one of debug/],
  ['errors {\nconsolidate 5 a\n}', /^Corefile:3: consolidate: "5" is no duration/],
  ['errors {\nstacktrace x\n}', /Corefile:3: stacktrace: takes no arguments/],
] as const) {
  test(`errors refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => errors.parse(directives(text), SCOPE), { message: problem });
  });
}
