import { durationMs, fail, noArgs, onlyOnce, unknownOption } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { goRegExp } from '#dns/go-regexp.ts';
import { type DnsRequest, type DnsResult, DROP } from '#dns/handler.ts';
import type { LogLevel, Plugin, SetupContext } from '#dns/plugin.ts';
import { formatName, typeName } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';

/** Errors of one kind, told together. */
interface Consolidation {
  readonly periodMs: number;
  readonly pattern: RegExp;
  /** The pattern as written. */
  readonly text: string;
  readonly level: LogLevel;
  /** The first of them is told at once. */
  readonly showFirst: boolean;
}

const LEVELS: Readonly<Record<string, LogLevel>> = {
  debug: 'DEBUG',
  info: 'INFO',
  warning: 'WARNING',
  error: 'ERROR',
};

/** `errors`: one line in the log for every query that nobody could answer, with the reason. */
export const errors: Plugin = {
  name: 'errors',
  parse(directives) {
    const rules = consolidations(onlyOnce(directives));
    return {
      explain: ['logs queries that could not be answered'],
      setup(context) {
        const counters = rules.map((rule) => new Counter(rule, context));
        const report = (request: DnsRequest, rcode: number, error: string): void => {
          const { query } = request;
          const name = formatName(questionLabels(query)).toLowerCase();
          const line = `${rcode} ${name} ${typeName(query.type)}: ${error}`;
          const counter = counters.find(({ rule }) => rule.pattern.test(error));
          if (counter === undefined) context.log(line, 'ERROR');
          else counter.count(line);
        };
        return {
          name: 'errors',
          passes: () => true,
          handle(request, next) {
            const reply = next(request);
            if (!(reply instanceof Promise)) return reportError(request, reply, report);
            return reply.then((result) => reportError(request, result, report));
          },
        };
      },
    };
  },
};

function reportError(
  request: DnsRequest,
  result: DnsResult,
  report: (request: DnsRequest, rcode: number, error: string) => void,
): DnsResult {
  // An answer in bytes comes from somebody who had one.
  if (result !== DROP && !Buffer.isBuffer(result) && result.error !== undefined)
    report(request, result.rcode, result.error);
  return result;
}

/** Counts errors of one kind from the first on, and tells of them when the period is over or the server goes. */
class Counter {
  readonly rule: Consolidation;
  readonly #log: SetupContext['log'];
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(rule: Consolidation, { log, signal }: Pick<SetupContext, 'log' | 'signal'>) {
    this.rule = rule;
    this.#log = log;
    signal.addEventListener('abort', () => this.#tell(), { once: true });
  }

  count(line: string): void {
    this.#count++;
    if (this.#count > 1) return;
    if (this.rule.showFirst) this.#log(line, this.rule.level);
    this.#timer = setTimeout(() => this.#tell(), this.rule.periodMs);
    this.#timer.unref();
  }

  #tell(): void {
    clearTimeout(this.#timer);
    const { text, periodMs, level, showFirst } = this.rule;
    if (this.#count > (showFirst ? 1 : 0))
      this.#log(`${this.#count} errors like '${text}' occurred in last ${formatPeriod(periodMs)}`, level);
    this.#count = 0;
  }
}

function consolidations(directive: Directive): Consolidation[] {
  // Where CoreDNS writes to, and all that it accepts there.
  if (directive.args.length > 1 || (directive.args[0] ?? 'stdout') !== 'stdout')
    fail(directive, 'takes no arguments but stdout');
  return (directive.block ?? []).flatMap((option) => {
    if (option.name === 'consolidate') return [consolidation(option)];
    if (option.name !== 'stacktrace') unknownOption('errors', option, ['consolidate', 'stacktrace']);
    noArgs(option);
    return [];
  });
}

function consolidation(option: Directive): Consolidation {
  const [period, text, ...words] = option.args;
  if (period === undefined || text === undefined)
    fail(option, 'takes a duration and a regular expression, then a level and show_first if wanted');
  const showFirst = words.at(-1) === 'show_first';
  const [word = 'error', ...more] = showFirst ? words.slice(0, -1) : words;
  const level = Object.hasOwn(LEVELS, word) ? LEVELS[word] : undefined;
  if (level === undefined || more.length > 0)
    fail(option, `takes one of ${Object.keys(LEVELS).join(', ')}, then show_first, not ${words.join(' ')}`);
  return { periodMs: durationMs(option, period), pattern: regExp(option, text), text, level, showFirst };
}

function regExp(option: Directive, text: string): RegExp {
  try {
    return goRegExp(text);
  } catch (error) {
    return fail(option, (error as Error).message);
  }
}

/** `1h0m0s`, `5m0s`, `30s`, `500ms`, as Go writes durations. */
function formatPeriod(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  const [hours, minutes] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60];
  const seconds = `${(ms % 60_000) / 1000}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
