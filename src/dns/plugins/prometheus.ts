import { noBlock, onlyOnce } from '#dns/corefile/arguments.ts';
import { listenArg } from '#dns/corefile/listen-arg.ts';
import { serverName } from '#dns/generation.ts';
import type { MetricRegistry } from '#dns/metric-registry.ts';
import type { Plugin } from '#dns/plugin.ts';
import { SETTINGS } from '#dns/site.ts';
import { formatAddressPort } from '#lib/ip.ts';

/** What says of a page that it is in the format that Prometheus reads. */
const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8';

/** `prometheus`: the page /metrics, under CoreDNS's names. Queries are counted in the blocks that have it. */
export const prometheus: Plugin = {
  name: 'prometheus',
  parse(directives) {
    const directive = onlyOnce(directives);
    noBlock(directive);
    const listen = listenArg(directive, 'localhost:9153');
    return {
      explain: [
        `counts queries, and serves http://${formatAddressPort(listen.address, listen.port)}/metrics`,
      ],
      setup({ block, bound, metrics, server, stack }) {
        return {
          name: 'prometheus',
          async start() {
            declare(metrics);
            const enabled = metrics.gauge('coredns_plugin_enabled', 'Plugins by server block.', [
              'server',
              'zone',
              'view',
              'name',
            ]);
            const names = block.plugins.map(({ name }) => name).filter((name) => !SETTINGS.has(name));
            for (const key of block.keys) {
              for (const address of bound ?? [undefined]) {
                const labels = [serverName(key, address), key.zone.text, block.view];
                for (const name of names) enabled.with(...labels, name).value = 1;
              }
            }
            const body = (): string => metrics.text() + server.answerMetrics();
            stack.use(
              await server.pages.add(listen, '/metrics', () => ({
                status: 200,
                body: body(),
                type: TEXT_FORMAT,
              })),
            );
          },
        };
      },
    };
  },
};

/** Those that are there, as 0, before anything happens. */
function declare(metrics: MetricRegistry): void {
  const build = metrics.gauge('coredns_build_info', 'What is running.', ['goversion', 'revision', 'version']);
  build.with('', '', 'portolan').value = 1;
  metrics.counter(
    'coredns_forward_healthcheck_broken_total',
    'Times that all upstream servers were unhealthy.',
  );
  metrics.counter(
    'coredns_forward_max_concurrent_rejects_total',
    'Queries refused for there being too many.',
  );
  metrics.histogram(
    'coredns_health_request_duration_seconds',
    'Time of asking itself.',
    [],
    [0.00025, 0.0025, 0.025, 0.25, 2.5],
  );
  metrics.counter('coredns_health_request_failures_total', 'Times that asking itself failed.');
  metrics.gauge('coredns_hosts_reload_timestamp_seconds', 'When the hosts file was read last, since 1970.');
  metrics.counter('coredns_local_localhost_requests_total', 'Queries for names below localhost.');
  metrics.counter('coredns_reload_failed_total', 'Times that a changed Corefile could not be taken over.');
}
