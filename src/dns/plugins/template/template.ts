import { emptyAnswer } from '#dns/finish-answer.ts';
import type { DnsAnswer, DnsReply, DnsRequest } from '#dns/handler.ts';
import { lookUp } from '#dns/look-up.ts';
import type { Plugin } from '#dns/plugin.ts';
import { type DnsRecord, formatName, HeaderFlag, RecordType, ResponseCode, typeName } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';
import { parseRecord, RecordTextError } from '#wire/dns-text.ts';
import { ANY_CLASS, isFor, parseTemplateConfig, type TemplateConfig } from './config.ts';
import { toText, type ValueMap } from './template-values.ts';
import { type TemplateData, TemplateError, type TextTemplate } from './text-template.ts';

/** Records without TTL have one of an hour, as everywhere. */
const DEFAULTS = { origin: [], ttl: 3600, anyClass: true };
const CLASS_NAMES: Readonly<Record<number, string>> = { 1: 'IN', 3: 'CH', 4: 'HS', 255: 'ANY' };

/** `template`: answers made from the question by rule. */
export const template: Plugin = {
  name: 'template',
  parse(directives, scope) {
    const configs = directives.map((directive) => parseTemplateConfig(directive, scope));
    return {
      explain: configs.map(({ zones, type }) => {
        const names = zones.zones.map(({ text }) => text).join(', ');
        return `answers ${type === RecordType.ANY ? 'queries' : `${typeName(type)} queries`} in ${names} by a template`;
      }),
      setup({ metrics, block }) {
        const labels = ['server', 'zone', 'view', 'class', 'type'];
        const matches = metrics.counter(
          'coredns_template_matches_total',
          'Queries that a template matched.',
          labels,
        );
        const failures = metrics.counter(
          'coredns_template_template_failures_total',
          'Templates that made no record.',
          labels,
        );
        return {
          name: 'template',
          handle(request, next) {
            const found = choose(configs, request);
            if (found === undefined) return next(request);
            request.answeredBy = 'template';
            if (found === 'nobody') return emptyAnswer(ResponseCode.SERVFAIL);
            const { Zone, Class, Type } = found.data.root;
            const values = [block.server, toText(Zone), block.view, toText(Class), toText(Type)];
            matches.with(...values).value++;
            const answer = fill(found.config, found.data);
            if (answer !== undefined) return chase(request, answer);
            failures.with(...values).value++;
            return emptyAnswer(ResponseCode.SERVFAIL);
          },
        };
      },
    };
  },
};

/** The first template for the query; `nobody` when one claims its zone but matches nothing of it. */
function choose(
  configs: readonly TemplateConfig[],
  request: DnsRequest,
): { config: TemplateConfig; data: TemplateData } | 'nobody' | undefined {
  const { query } = request;
  for (const config of configs) {
    const zone = config.zones.match(query);
    if (zone === undefined || !isFor(config, query.class, query.type)) continue;
    const name = formatName(questionLabels(query)).toLowerCase();
    const patterns = config.patterns.length === 0 ? [/.*/] : config.patterns;
    for (const pattern of patterns) {
      const match = pattern.exec(name);
      if (match !== null) return { config, data: templateData(config, request, zone.text, match) };
    }
    if (config.fallthrough.match(query) === undefined) return 'nobody';
  }
  return undefined;
}

/** Type and class are the template's own, where it has them: who asks for ANY gets those. */
function templateData(
  config: TemplateConfig,
  request: DnsRequest,
  zone: string,
  match: RegExpExecArray,
): TemplateData {
  const { query, client, block } = request;
  const asked = formatName(questionLabels(query));
  const ownClass = config.class === ANY_CLASS ? query.class : config.class;
  const question = { Name: asked, Qtype: query.type, Qclass: query.class };
  const root = {
    Name: asked.toLowerCase(),
    Zone: zone,
    Class: CLASS_NAMES[ownClass] ?? `CLASS${ownClass}`,
    Type: typeName(config.type === RecordType.ANY ? query.type : config.type),
    Remote: client.address,
    Match: match.map((text) => text ?? ''),
    Group: {
      ...Object.fromEntries(match.map((text, i) => [String(i), text ?? ''])),
      ...Object.fromEntries(Object.entries(match.groups ?? {}).map(([name, text]) => [name, text ?? ''])),
    },
    Question: question,
    Message: {
      ...header(query.message.readUInt16BE(2)),
      Id: query.message.readUInt16BE(0),
      Question: [question],
    },
  };
  return { root, meta: (key) => block.metadata(request, key) };
}

/** The flags of a query under the names that Go's DNS library has for them. */
function header(flags: number): ValueMap {
  return {
    Response: false,
    Opcode: (flags >> 11) & 15,
    Authoritative: (flags & HeaderFlag.AA) !== 0,
    Truncated: (flags & HeaderFlag.TC) !== 0,
    RecursionDesired: (flags & HeaderFlag.RD) !== 0,
    RecursionAvailable: (flags & HeaderFlag.RA) !== 0,
    AuthenticatedData: (flags & HeaderFlag.AD) !== 0,
    CheckingDisabled: (flags & HeaderFlag.CD) !== 0,
  };
}

/** Parentheses let records go over several lines; here they are always on one. */
function withoutParentheses(text: string): string {
  return text.replaceAll(/"(?:\\[^]|[^"\\])*"|[()\n]/g, (part) => (part.startsWith('"') ? part : ' '));
}

/** Undefined when a template makes no record. */
function fill(config: TemplateConfig, data: TemplateData): DnsAnswer | undefined {
  const records = (templates: readonly TextTemplate[]): DnsRecord[] =>
    templates.map((text) => parseRecord(withoutParentheses(text(data)), DEFAULTS));
  try {
    return {
      rcode: config.rcode,
      flags: config.rcode === ResponseCode.SERVFAIL ? 0 : HeaderFlag.AA,
      answers: records(config.answers),
      authorities: records(config.authorities),
      additionals: records(config.additionals),
      ...(config.extendedError === undefined ? {} : { options: [config.extendedError] }),
    };
  } catch (error) {
    if (error instanceof RecordTextError || error instanceof TemplateError) return undefined;
    throw error;
  }
}

/** Addresses of the name that a CNAME leads to. */
function chase(request: DnsRequest, answer: DnsAnswer): DnsReply {
  const { type } = request.query;
  const cname = answer.answers.find((record) => record.type === RecordType.CNAME);
  const isAddress = type === RecordType.A || type === RecordType.AAAA;
  if (!isAddress || cname?.data.kind !== 'name') return answer;
  return lookUp(request, cname.data.target, type).then(({ answers }) => ({
    ...answer,
    answers: [...answer.answers, ...answers],
  }));
}
