import { createHash } from 'node:crypto';
import { watch } from 'node:fs';
import { durationMs, fail, noBlock, onlyOnce } from '#dns/corefile/arguments.ts';
import { CorefileError } from '#dns/corefile/error.ts';
import { pause } from '#dns/pause.ts';
import type { Plugin, SetupContext } from '#dns/plugin.ts';

const MIN_INTERVAL_MS = 2000;
const MIN_JITTER_MS = 1000;
/** Files are written in several steps. */
const SETTLED_MS = 300;

/**
 * `reload`: looks whether the Corefile has changed, at once where the system tells of it and every now and then, and
 * goes over to it if it is sound.
 */
export const reload: Plugin = {
  name: 'reload',
  parse(directives) {
    const directive = onlyOnce(directives);
    noBlock(directive);
    const [interval = '30s', jitter, ...more] = directive.args;
    if (more.length > 0) fail(directive, 'takes an interval and a jitter');
    const off = interval === 'off';
    const intervalMs = off ? 0 : Math.max(MIN_INTERVAL_MS, durationMs(directive, interval));
    const asked = jitter === undefined ? intervalMs / 2 : durationMs(directive, jitter);
    const jitterMs = Math.min(intervalMs / 2, Math.max(MIN_JITTER_MS, asked));
    return {
      explain: off
        ? ['a changed Corefile is not taken over']
        : [
            `takes over a changed Corefile at once, or within ${(intervalMs + jitterMs) / 1000} s; a bad one changes nothing`,
          ],
      setup: (context) => ({
        name: 'reload',
        start() {
          if (!off && isFirst(context)) watchCorefile(context, intervalMs, jitterMs);
        },
      }),
    };
  },
};

/** The Corefile is read once, however many of its blocks say so. */
function isFirst({ block, server }: SetupContext): boolean {
  return block === server.blocks.find(({ plugins }) => plugins.some(({ name }) => name === 'reload'));
}

function watchCorefile(
  { server, metrics, log, signal }: SetupContext,
  intervalMs: number,
  jitterMs: number,
): void {
  const failures = metrics
    .counter('coredns_reload_failed_total', 'Times that a changed Corefile could not be taken over.')
    .with();
  // One that cannot be read is a change too: what is wrong with it is told once, when it is loaded.
  const state = async (): Promise<string> =>
    digest(await server.corefileText().catch((error: Error) => error.message));
  let known = digest(server.loadedText);
  let told = '';
  const look = async (): Promise<void> => {
    const now = await state();
    // The next configuration, if there is one, looks itself.
    if (now === known || signal.aborted) return;
    known = now;
    try {
      await server.reload();
      told = '';
      log('the Corefile has changed, and is in force');
    } catch (error) {
      const { message } = error as Error;
      failures.value++;
      if (message !== told)
        log(`the Corefile has changed, but the old one stays in force: ${message}`, 'ERROR');
      told = message;
      // What is wrong with a text stays wrong; a port or the API server may be there the next time.
      if (!(error instanceof CorefileError)) known = '';
    }
  };
  // It may have changed while it was loaded.
  void look();
  void repeat(look, () => intervalMs + (Math.random() * 2 - 1) * jitterMs, signal);
  for (const folder of server.corefileFolders) onChange(folder, () => void look(), signal);
}

async function repeat(look: () => Promise<void>, delayMs: () => number, signal: AbortSignal): Promise<void> {
  while (await pause(delayMs(), signal)) await look();
}

/** Calls back when something in the folder has changed and then nothing for a moment. Where that cannot be told: never. */
function onChange(folder: string, changed: () => void, signal: AbortSignal): void {
  let timer: NodeJS.Timeout | undefined;
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  try {
    const watcher = watch(folder, { persistent: false, signal }, () => {
      clearTimeout(timer);
      timer = setTimeout(changed, SETTLED_MS).unref();
    });
    watcher.on('error', () => watcher.close());
  } catch {
    // There is the interval.
  }
}

function digest(text: string): string {
  return createHash('sha512').update(text).digest('hex');
}
