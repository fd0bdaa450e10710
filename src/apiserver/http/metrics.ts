import type { IncomingMessage } from 'node:http';
import { requestInfo } from '#apiserver/rest/request-info.ts';
import { resourceAt } from '#apiserver/rest/resource-at.ts';

/** Counts requests, and prints them as Prometheus reads them. Names are upstream's. */
export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #seconds = new Map<string, { sum: number; count: number }>();
  readonly #gauges = new Map<string, () => number>();
  #current = 0;

  /** Adds a value that is read whenever metrics are printed. */
  gauge(name: string, read: () => number): void {
    this.#gauges.set(name, read);
  }

  /** Call the result with the response's code when the request is over. */
  begin(request: IncomingMessage): (code: number) => void {
    const startedMs = performance.now();
    this.#current++;
    return (code) => {
      this.#current--;
      const labels = labelsOf(request);
      increase(this.#requests, `${labels},code="${code}"`);
      const seconds = this.#seconds.get(labels) ?? { sum: 0, count: 0 };
      seconds.sum += (performance.now() - startedMs) / 1000;
      seconds.count++;
      this.#seconds.set(labels, seconds);
    };
  }

  text(): string {
    const lines = ['# TYPE apiserver_request_total counter'];
    for (const [labels, count] of this.#requests) lines.push(`apiserver_request_total{${labels}} ${count}`);
    lines.push('# TYPE apiserver_request_duration_seconds summary');
    for (const [labels, { sum, count }] of this.#seconds) {
      lines.push(`apiserver_request_duration_seconds_sum{${labels}} ${sum.toFixed(6)}`);
      lines.push(`apiserver_request_duration_seconds_count{${labels}} ${count}`);
    }
    lines.push(
      '# TYPE apiserver_current_inflight_requests gauge',
      `apiserver_current_inflight_requests ${this.#current}`,
    );
    for (const [name, read] of this.#gauges) lines.push(`# TYPE ${name} gauge`, `${name} ${read()}`);
    return `${lines.join('\n')}\n`;
  }
}

/** Only what the server itself knows becomes a label: a client's path must not grow the metrics. */
function labelsOf(request: IncomingMessage): string {
  try {
    const { verb, target } = requestInfo(request.method ?? '', request.url ?? '/');
    const kind = target && resourceAt(target)?.kind;
    if (kind === undefined) return 'verb="other",group="",resource=""';
    return `verb="${verb}",group="${kind.group}",resource="${kind.plural}"`;
  } catch {
    return 'verb="other",group="",resource=""';
  }
}

function increase(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
