import { get } from 'node:http';
import type { ListenAddress } from '#dns/config.ts';
import { durationMs, onlyArg, onlyOnce, unknownOption } from '#dns/corefile/arguments.ts';
import { listenArg } from '#dns/corefile/listen-arg.ts';
import { pause } from '#dns/pause.ts';
import type { Plugin, SetupContext } from '#dns/plugin.ts';
import type { StatusReply } from '#dns/serve-status.ts';
import { formatAddressPort, isUnspecifiedIp } from '#lib/ip.ts';

const DURATION_BOUNDS = [0.00025, 0.0025, 0.025, 0.25, 2.5];
const PROBE_INTERVAL_MS = 1000;
const PROBE_TIMEOUT_MS = 3000;
/** Longer than this a server that is well does not take. */
const SLOW_SECONDS = 1;

/** `health`: the page /health, and how long to serve on after being told to stop (lameduck). */
export const health: Plugin = {
  name: 'health',
  parse(directives) {
    const directive = onlyOnce(directives);
    const listen = listenArg(directive, ':8080');
    let lameduckMs = 0;
    for (const option of directive.block ?? []) {
      if (option.name !== 'lameduck') unknownOption('health', option, ['lameduck']);
      lameduckMs = durationMs(option, onlyArg(option, 'a duration'));
    }
    return {
      explain: [
        `serves http://${formatAddressPort(listen.address, listen.port)}/health`,
        ...(lameduckMs > 0 ? [`goes on serving for ${lameduckMs / 1000} s after being told to stop`] : []),
      ],
      setup: ({ log, metrics, server, stack, signal }) => ({
        name: 'health',
        async start() {
          const durations = metrics.histogram(
            'coredns_health_request_duration_seconds',
            'Time of asking itself.',
            [],
            DURATION_BOUNDS,
          );
          const failures = metrics.counter(
            'coredns_health_request_failures_total',
            'Times that asking itself failed.',
          );
          const reply = (): StatusReply => ({ status: 200, body: 'OK' });
          const { address } = stack.use(await server.pages.add(listen, '/health', reply));
          void watchItself(healthUrl(address), { signal, log }, (seconds) => {
            if (seconds === undefined) failures.with().value++;
            else durations.with().observe(seconds);
          });
        },
        stopping: () =>
          new Promise((resolve) => {
            const timer = setTimeout(resolve, lameduckMs);
            signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
          }),
      }),
    };
  },
};

function healthUrl({ address, port }: ListenAddress): string {
  const loopback = address.includes(':') ? '::1' : '127.0.0.1';
  return `http://${formatAddressPort(isUnspecifiedIp(address) ? loopback : address, port)}/health`;
}

/** Asks its own page every second, as one who wants to know whether the server has too much to do would. */
async function watchItself(
  url: string,
  { signal, log }: Pick<SetupContext, 'signal' | 'log'>,
  onProbe: (seconds: number | undefined) => void,
): Promise<void> {
  while (await pause(PROBE_INTERVAL_MS, signal)) {
    const startedMs = performance.now();
    try {
      await getPage(url, signal);
      const seconds = (performance.now() - startedMs) / 1000;
      onProbe(seconds);
      if (seconds > SLOW_SECONDS)
        log(
          `Local health request to "${url}" took more than ${SLOW_SECONDS}s: ${seconds.toFixed(3)}s`,
          'WARNING',
        );
    } catch (error) {
      if (signal.aborted) return;
      onProbe(undefined);
      log(`Local health request to "${url}" failed: ${(error as Error).message}`, 'WARNING');
    }
  }
}

function getPage(url: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(url, { signal, timeout: PROBE_TIMEOUT_MS }, (response) => {
      response.resume();
      response.on('end', resolve);
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer in ${PROBE_TIMEOUT_MS} ms`)));
    request.on('error', reject);
  });
}
