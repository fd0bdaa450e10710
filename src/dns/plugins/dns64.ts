import { fail, noArgs, onlyArg, onlyOnce, unknownOption } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { nextAnswer } from '#dns/finish-answer.ts';
import type { DnsAnswer } from '#dns/handler.ts';
import { lookUp } from '#dns/look-up.ts';
import type { Plugin } from '#dns/plugin.ts';
import { isServerError } from '#dns/server-error.ts';
import { bytesToIp, Cidr, ipToBytes } from '#lib/ip.ts';
import { CLASS_IN, type DnsRecord, RecordType, ResponseCode } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';

export interface Dns64Config {
  /** Of 32, 40, 48, 56, 64 or 96 bits (RFC 6052 §2.2). */
  readonly prefix: Cidr;
  /** Also where there are AAAA records. */
  readonly translateAll: boolean;
  /** Also for clients that came over IPv4. */
  readonly allowIpv4: boolean;
}

const PREFIX_LENGTHS = [32, 40, 48, 56, 64, 96];
const WELL_KNOWN = '64:ff9b::/96';
/** TTL of synthesized records where the negative answer names none, in seconds (RFC 6147 §5.1.7). */
const MAX_TTL = 600;

/** `dns64 [PREFIX]`: makes AAAA records from A records for clients behind NAT64 (RFC 6147). */
export const dns64: Plugin = {
  name: 'dns64',
  parse(directives) {
    const config = parseDns64(onlyOnce(directives));
    return {
      explain: [`makes AAAA records within ${config.prefix.format()} for names that have only IPv4`],
      setup({ metrics, block }) {
        const translated = metrics
          .counter('coredns_dns64_requests_translated_total', 'AAAA answers made.', ['server'])
          .with(block.server);
        return {
          name: 'dns64',
          handle(request, next) {
            const { query, client } = request;
            const isFor = query.type === RecordType.AAAA && query.class === CLASS_IN;
            if (!isFor || (client.family === 4 && !config.allowIpv4)) return next(request);
            return nextAnswer(request, next, async (answer) => {
              if (!wantsTranslation(config, answer)) return answer;
              const four = await lookUp(request, questionLabels(query), RecordType.A);
              translated.value++;
              return planDns64(config, answer, four);
            });
          },
        };
      },
    };
  },
};

function wantsTranslation({ translateAll }: Dns64Config, answer: DnsAnswer): boolean {
  const { rcode, answers } = answer;
  if (rcode === ResponseCode.NXDOMAIN || isServerError(answer)) return false;
  return translateAll || !answers.some(({ type }) => type === RecordType.AAAA);
}

/** The answer made from that for IPv4, whatever it is; of the negative one only the TTL counts. */
export function planDns64({ prefix }: Dns64Config, negative: DnsAnswer, four: DnsAnswer): DnsAnswer {
  const soa = negative.authorities.find(({ data }) => data.kind === 'soa');
  const maxTtl = soa?.ttl ?? MAX_TTL;
  const answers = four.answers.map((record): DnsRecord => {
    if (record.type !== RecordType.A || record.data.kind !== 'address') return record;
    const address = embed(prefix, record.data.address);
    return {
      ...record,
      type: RecordType.AAAA,
      ttl: Math.min(record.ttl, maxTtl),
      data: { kind: 'address', address },
    };
  });
  // It is nobody's but this server's.
  return { ...four, flags: 0, answers };
}

/** The IPv4 address within the prefix; bits 64 to 71 stay zero (RFC 6052 §2.2). */
export function embed(prefix: Cidr, address: string): string {
  const bytes = ipToBytes(prefix.network).slice();
  let at = prefix.prefixLength / 8;
  for (const byte of ipToBytes(address)) {
    if (at === 8) at++;
    bytes[at++] = byte;
  }
  return bytesToIp(bytes);
}

export function parseDns64(directive: Directive): Dns64Config {
  let config: Dns64Config = { prefix: Cidr.of(WELL_KNOWN), translateAll: false, allowIpv4: false };
  if (directive.args.length > 0)
    config = { ...config, prefix: prefixOf(directive, onlyArg(directive, 'a prefix')) };
  for (const option of directive.block ?? []) {
    if (option.name === 'prefix')
      config = { ...config, prefix: prefixOf(option, onlyArg(option, 'a prefix')) };
    else if (option.name === 'translate_all' || option.name === 'allow_ipv4') {
      noArgs(option);
      config = { ...config, [option.name === 'allow_ipv4' ? 'allowIpv4' : 'translateAll']: true };
    } else unknownOption('dns64', option, ['prefix', 'translate_all', 'allow_ipv4']);
  }
  return config;
}

function prefixOf(directive: Directive, text: string): Cidr {
  const prefix = Cidr.parse(text);
  if (prefix === undefined || prefix.family !== 6 || !PREFIX_LENGTHS.includes(prefix.prefixLength))
    fail(directive, `${text} is no IPv6 prefix of ${PREFIX_LENGTHS.join(', ')} bits`);
  return prefix;
}
