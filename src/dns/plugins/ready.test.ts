import assert from 'node:assert/strict';
import { get } from 'node:http';
import { type TestContext, test } from 'node:test';
import { HttpPages } from '#dns/http-pages.ts';
import type { PluginInstance } from '#dns/plugin.ts';
import { BLOCK, instance, testContext } from '#test/support/dns-plugin.ts';
import { ready } from './ready.ts';

/** The page of a server with these plugins. */
async function readyPage(t: TestContext, text: string, plugins: readonly PluginInstance[]) {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const context = testContext(stack);
  const pages = new HttpPages();
  let port = 0;
  const add: HttpPages['add'] = async (...args) => {
    const listener = await pages.add(...args);
    ({ port } = listener.address);
    return listener;
  };
  const server = {
    ...context.server,
    blocks: [{ ...BLOCK, plugins }],
    pages: { add } as unknown as HttpPages,
  };
  const plugin = await instance(ready, text, { ...context, server });
  await plugin.start?.();
  const look = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const request = get(`http://127.0.0.1:${port}/ready`, (response) => {
        const body = (pieces: Buffer[]): string => Buffer.concat(pieces).toString();
        response.toArray().then((pieces) => resolve(`${response.statusCode} ${body(pieces)}`), reject);
      });
      request.on('error', reject);
    });
  return { plugin, look };
}

/** Plugins that are ready or not, as `state` says at the time. */
function plugins(state: Record<string, boolean>): PluginInstance[] {
  return Object.keys(state).map((name) => ({ name, ready: () => state[name] ?? false }));
}

test('ready lists the plugins that cannot answer, sorted, until all can', async (t) => {
  const state = { kubernetes: false, erratic: false, whoami: true };
  const { look } = await readyPage(t, 'ready 127.0.0.1:0', plugins(state));
  assert.equal(await look(), '503 erratic,kubernetes');
  state.erratic = true;
  assert.equal(await look(), '503 kubernetes');
  state.kubernetes = true;
  assert.equal(await look(), '200 OK');
});

test('ready monitor continuously turns back when a plugin can no longer answer; until-ready does not', async (t) => {
  for (const [option, after] of [
    ['', '503 kubernetes'],
    [' {\nmonitor continuously\n}', '503 kubernetes'],
    [' {\nmonitor until-ready\n}', '200 OK'],
  ] as const) {
    const state = { kubernetes: true, other: false };
    const { look } = await readyPage(t, `ready 127.0.0.1:0${option}`, plugins(state));
    assert.equal(await look(), '503 other');
    state.other = true;
    assert.equal(await look(), '200 OK');
    state.kubernetes = false;
    assert.equal(await look(), after);
  }
});

test('ready is no longer once the server is told to stop', async (t) => {
  const { plugin, look } = await readyPage(t, 'ready 127.0.0.1:0', []);
  assert.equal(await look(), '200 OK');
  await plugin.stopping?.();
  assert.match(await look(), /^503 /);
});
