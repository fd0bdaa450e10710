import { createHash } from 'node:crypto';
import { durationMs, fail, noBlock, onlyOnce } from '#dns/corefile/arguments.ts';
import type { Plugin, SetupContext } from '#dns/plugin.ts';

const MIN_INTERVAL_MS = 2000;
const MIN_JITTER_MS = 1000;

/** `reload`: looks every now and then whether the Corefile has changed, and goes over to it if it is sound. */
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
            `takes over a changed Corefile within ${(intervalMs + jitterMs) / 1000} s; a bad one changes nothing`,
          ],
      setup: (context) => ({
        name: 'reload',
        async start() {
          if (!off) await watchCorefile(context, intervalMs, jitterMs);
        },
      }),
    };
  },
};

async function watchCorefile(
  { server, metrics, log, signal }: SetupContext,
  intervalMs: number,
  jitterMs: number,
) {
  const failures = metrics.counter(
    'coredns_reload_failed_total',
    'Times that a changed Corefile could not be taken over.',
  );
  let known = digest(await server.corefileText());
  const look = async (): Promise<void> => {
    const now = digest(await server.corefileText());
    if (now === known) return;
    known = now;
    try {
      await server.reload();
      log('the Corefile has changed, and is in force');
    } catch (error) {
      failures.with().value++;
      log(`the Corefile has changed, but the old one stays in force: ${(error as Error).message}`, 'ERROR');
    }
  };
  const again = (): void => {
    const delay = intervalMs + (Math.random() * 2 - 1) * jitterMs;
    const timer = setTimeout(() => {
      // A Corefile that cannot be read now may be in the middle of being written.
      void look()
        .catch((error: Error) => log(error.message, 'ERROR'))
        .finally(() => !signal.aborted && again());
    }, delay);
    timer.unref();
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  };
  again();
}

function digest(text: string): string {
  return createHash('sha512').update(text).digest('hex');
}
