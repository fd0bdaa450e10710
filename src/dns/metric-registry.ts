/** Counters, gauges and histograms in the text format of Prometheus. Values are plain fields: counting is an addition. */
export class MetricRegistry {
  readonly #families = new Map<string, Family>();
  readonly #collect: (() => void)[] = [];

  /** Runs before each look at all of them. */
  onCollect(collect: () => void): void {
    this.#collect.push(collect);
  }

  counter(name: string, help: string, labels: readonly string[] = []): MetricFamily {
    return this.#family(name, help, 'counter', labels);
  }

  gauge(name: string, help: string, labels: readonly string[] = []): MetricFamily {
    return this.#family(name, help, 'gauge', labels);
  }

  histogram(
    name: string,
    help: string,
    labels: readonly string[],
    bounds: readonly number[],
  ): HistogramFamily {
    const known = this.#families.get(name);
    if (known instanceof HistogramFamily) return known;
    const family = new HistogramFamily(name, help, labels, bounds);
    if (labels.length === 0) family.with();
    this.#families.set(name, family);
    return family;
  }

  #family(name: string, help: string, type: 'counter' | 'gauge', labels: readonly string[]): MetricFamily {
    const known = this.#families.get(name);
    if (known instanceof MetricFamily) return known;
    const family = new MetricFamily(name, help, type, labels);
    if (labels.length === 0) family.with();
    this.#families.set(name, family);
    return family;
  }

  /** Families without values are left out. */
  text(): string {
    for (const collect of this.#collect) collect();
    return [...this.#families.values()].map((family) => family.text()).join('');
  }
}

interface Family {
  text(): string;
}

export interface Metric {
  value: number;
}

/** One name with values by labels. Keep what `with()` gives where queries pass. */
export class MetricFamily implements Family {
  readonly #values = new Map<string, Metric>();
  readonly #head: string;
  readonly #name: string;
  readonly #labels: readonly string[];
  readonly #collect = new Set<() => void>();

  constructor(name: string, help: string, type: string, labels: readonly string[]) {
    this.#name = name;
    this.#labels = labels;
    this.#head = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }

  /** The value for these labels, in the order that they were declared. */
  with(...values: readonly string[]): Metric {
    const key = labelText(this.#labels, values);
    let metric = this.#values.get(key);
    if (metric === undefined) this.#values.set(key, (metric = { value: 0 }));
    return metric;
  }

  /** Forgets the values of labels that are no longer true. */
  clear(): void {
    this.#values.clear();
  }

  /** Runs before each look, to set what is only known then; until the signal fires, for metrics outlive plugins. */
  onCollect(signal: AbortSignal, collect: () => void): void {
    if (signal.aborted) return;
    this.#collect.add(collect);
    signal.addEventListener('abort', () => this.#collect.delete(collect), { once: true });
  }

  text(): string {
    for (const collect of this.#collect) collect();
    if (this.#values.size === 0) return '';
    const lines = [...this.#values].map(([labels, { value }]) => `${this.#name}${braced(labels)} ${value}\n`);
    return this.#head + lines.join('');
  }
}

class HistogramFamily implements Family {
  readonly #values = new Map<string, Histogram>();
  readonly #name: string;
  readonly #help: string;
  readonly #labels: readonly string[];
  readonly #bounds: readonly number[];

  constructor(name: string, help: string, labels: readonly string[], bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#labels = labels;
    this.#bounds = bounds;
  }

  with(...values: readonly string[]): Histogram {
    const key = labelText(this.#labels, values);
    let histogram = this.#values.get(key);
    if (histogram === undefined) this.#values.set(key, (histogram = new Histogram(this.#bounds)));
    return histogram;
  }

  text(): string {
    if (this.#values.size === 0) return '';
    const lines = [`# HELP ${this.#name} ${this.#help}`, `# TYPE ${this.#name} histogram`];
    for (const [labels, histogram] of this.#values) {
      const prefix = labels === '' ? '' : `${labels},`;
      let sum = 0;
      for (const [i, count] of histogram.counts.entries()) {
        sum += count;
        lines.push(`${this.#name}_bucket{${prefix}le="${this.#bounds[i] ?? '+Inf'}"} ${sum}`);
      }
      lines.push(`${this.#name}_sum${braced(labels)} ${histogram.sum}`);
      lines.push(`${this.#name}_count${braced(labels)} ${sum}`);
    }
    return `${lines.join('\n')}\n`;
  }
}

class Histogram {
  /** Per bucket, the last for all above the highest bound. */
  readonly counts: Float64Array;
  readonly #bounds: readonly number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] ?? 0)) bucket++;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sum += value;
  }
}

function labelText(names: readonly string[], values: readonly string[]): string {
  return names.map((name, i) => `${name}="${escapeLabel(values[i] ?? '')}"`).join(',');
}

function escapeLabel(value: string): string {
  return value.replaceAll(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}
