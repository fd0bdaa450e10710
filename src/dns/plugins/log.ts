import { choice, fail, unknownOption, zonesArg } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { finishAnswer } from '#dns/finish-answer.ts';
import { type DnsRequest, type DnsResult, DROP } from '#dns/handler.ts';
import { compileLogFormat, type LoggedQuery } from '#dns/log-format.ts';
import type { ParseScope, Plugin } from '#dns/plugin.ts';
import { ZoneSet } from '#dns/zone.ts';
import { decodeMessage, RecordType, ResponseCode } from '#wire/dns.ts';

const COMMON =
  '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}';
const FORMATS: Readonly<Record<string, string>> = {
  '{common}': COMMON,
  '{combined}': `${COMMON} "{>opcode}"`,
};
const CLASSES = ['all', 'success', 'denial', 'error'] as const;
type LogClass = (typeof CLASSES)[number];

interface Rule {
  readonly zones: ZoneSet;
  readonly classes: ReadonlySet<LogClass>;
  readonly format: (query: LoggedQuery) => string;
}

/** `log`: one line for every query, or for those of some zones and with some outcomes. */
export const log: Plugin = {
  name: 'log',
  parse(directives, scope) {
    const rules = directives.map((directive) => parseRule(directive, scope));
    return {
      explain: rules.map(
        ({ zones, classes }) =>
          `logs queries (${[...classes].join(', ')}) of ${zones.zones.map(({ text }) => text).join(', ')}`,
      ),
      setup: (context) => ({
        name: 'log',
        handle(request, next) {
          const rule = rules.find(({ zones }) => zones.match(request.query) !== undefined);
          if (rule === undefined) return next(request);
          const startedMs = performance.now();
          const note = (result: DnsResult): DnsResult => {
            const response = bytesOf(request, result);
            if (isWanted(rule, response)) {
              const seconds = (performance.now() - startedMs) / 1000;
              context.logQuery(rule.format({ request, response, seconds }));
            }
            return result;
          };
          const reply = next(request);
          return reply instanceof Promise ? reply.then(note) : note(reply);
        },
      }),
    };
  },
};

function parseRule(directive: Directive, { keys }: ParseScope): Rule {
  const own = keys.map(({ zone }) => zone);
  const last = directive.args.at(-1);
  const formatted = last?.includes('{') ?? false;
  const zones = zonesArg(directive, formatted ? directive.args.slice(0, -1) : directive.args, own);
  const classes = new Set<LogClass>();
  for (const option of directive.block ?? []) {
    if (option.name !== 'class') unknownOption('log', option, ['class']);
    if (option.args.length === 0) fail(option, `takes some of ${CLASSES.join(', ')}`);
    for (const arg of option.args) classes.add(choice(option, arg, CLASSES));
  }
  if (classes.size === 0) classes.add('all');
  try {
    const text = formatted && last !== undefined ? (FORMATS[last] ?? expand(last)) : COMMON;
    return { zones: new ZoneSet(zones), classes, format: compileLogFormat(text) };
  } catch (error) {
    return fail(directive, (error as Error).message);
  }
}

function expand(format: string): string {
  return format.replaceAll(/\{common\}|\{combined\}/g, (name) => FORMATS[name] ?? name);
}

/** A transfer is told of by its first records only. */
function bytesOf(request: DnsRequest, result: DnsResult): Buffer | undefined {
  if (result === DROP) return undefined;
  return Buffer.isBuffer(result) ? result : finishAnswer(request, result);
}

function isWanted({ classes }: Rule, response: Buffer | undefined): boolean {
  return classes.has('all') || classes.has(classOf(response));
}

function classOf(response: Buffer | undefined): LogClass {
  const rcode = (response?.[3] ?? ResponseCode.SERVFAIL) & 15;
  if (rcode === ResponseCode.NXDOMAIN) return 'denial';
  if (rcode !== ResponseCode.NOERROR || response === undefined) return 'error';
  if (response.readUInt16BE(6) > 0) return 'success';
  // Without an SOA record it says nothing about what there is: a referral, or nothing at all.
  return decodeMessage(response).authorities.some(({ type }) => type === RecordType.SOA)
    ? 'denial'
    : 'success';
}
