import { durationMs, onlyArg, onlyOnce, unknownOption } from '#dns/corefile/arguments.ts';
import { listenArg } from '#dns/corefile/listen-arg.ts';
import type { Plugin } from '#dns/plugin.ts';

const DURATION_BOUNDS = [0.00025, 0.0025, 0.025, 0.25, 2.5];

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
        `serves http://${listen.address}:${listen.port}/health`,
        ...(lameduckMs > 0 ? [`goes on serving for ${lameduckMs / 1000} s after being told to stop`] : []),
      ],
      setup: ({ metrics, server, stack, signal }) => ({
        name: 'health',
        async start() {
          metrics.histogram(
            'coredns_health_request_duration_seconds',
            'Time of asking itself.',
            [],
            DURATION_BOUNDS,
          );
          metrics.counter('coredns_health_request_failures_total', 'Times that asking itself failed.');
          stack.use(await server.pages.add(listen, '/health', () => ({ status: 200, body: 'OK' })));
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
