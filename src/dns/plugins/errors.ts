import { durationMs, fail, unknownOption } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { structured } from '#dns/finish-answer.ts';
import { type DnsRequest, type DnsResult, DROP } from '#dns/handler.ts';
import type { Plugin } from '#dns/plugin.ts';
import { isServerError } from '#dns/server-error.ts';
import { formatName, rcodeName, typeName } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';

interface Consolidation {
  readonly periodMs: number;
  readonly pattern: RegExp;
  count: number;
}

/** `errors`: one line in the log for every query that nobody could answer. */
export const errors: Plugin = {
  name: 'errors',
  parse(directives) {
    const rules = directives.flatMap(consolidations);
    return {
      explain: ['logs queries that could not be answered'],
      setup({ log, signal }) {
        const report = (request: DnsRequest, rcode: number): void => {
          const { query } = request;
          const line = `${rcodeName(rcode) ?? rcode} ${formatName(questionLabels(query))} ${typeName(query.type)}`;
          const rule = rules.find(({ pattern }) => pattern.test(line));
          if (rule === undefined) log(line);
          else if (rule.count++ === 0) later(rule, log, signal);
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
  report: (request: DnsRequest, rcode: number) => void,
): DnsResult {
  // An answer in bytes comes from somebody who had one.
  if (result !== DROP && !Buffer.isBuffer(result) && isServerError(structured(result)))
    report(request, result.rcode);
  return result;
}

function later(rule: Consolidation, log: (line: string) => void, signal: AbortSignal): void {
  const timer = setTimeout(() => {
    log(`${rule.count} errors like '${rule.pattern.source}' occurred in last ${rule.periodMs / 1000}s`);
    rule.count = 0;
  }, rule.periodMs);
  timer.unref();
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
}

function consolidations(directive: Directive): Consolidation[] {
  if (directive.args.length > 0) fail(directive, 'takes no arguments');
  const rules: Consolidation[] = [];
  for (const option of directive.block ?? []) {
    if (option.name === 'stacktrace') continue;
    if (option.name !== 'consolidate') unknownOption('errors', option, ['consolidate', 'stacktrace']);
    const [period, pattern] = option.args;
    if (period === undefined || pattern === undefined)
      fail(option, 'takes a duration and a regular expression');
    try {
      rules.push({ periodMs: durationMs(option, period), pattern: new RegExp(pattern), count: 0 });
    } catch (error) {
      fail(option, (error as Error).message);
    }
  }
  return rules;
}
