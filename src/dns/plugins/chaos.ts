import { hostname } from 'node:os';
import { noBlock, onlyOnce } from '#dns/corefile/arguments.ts';
import { answerWith } from '#dns/finish-answer.ts';
import type { DnsAnswer } from '#dns/handler.ts';
import type { Plugin } from '#dns/plugin.ts';
import { RecordType } from '#wire/dns.ts';
import { type DnsQuery, questionLabels } from '#wire/dns-query.ts';

const CLASS_CHAOS = 3;
const VERSION_NAMES = ['version.bind', 'version.server'];
const HOST_NAMES = ['hostname.bind', 'id.server'];

export interface ChaosConfig {
  readonly version: string;
  readonly authors: readonly string[];
  readonly host: string;
}

/** `chaos`: tells the server's version, authors and host name to queries of class CH. */
export const chaos: Plugin = {
  name: 'chaos',
  parse(directives) {
    const directive = onlyOnce(directives);
    noBlock(directive);
    const [version = 'Portolan', ...authors] = directive.args;
    const config: ChaosConfig = { version, authors, host: hostname() };
    return {
      explain: [`tells its version as ${version} (class CH, version.bind)`],
      settings: { chaos: true },
      setup: () => ({
        name: 'chaos',
        handle(request, next) {
          const answer = planChaos(config, request.query);
          if (answer === undefined) return next(request);
          request.answeredBy = 'chaos';
          return answer;
        },
      }),
    };
  },
};

/** Undefined when it is not asked for. */
export function planChaos({ version, authors, host }: ChaosConfig, query: DnsQuery): DnsAnswer | undefined {
  if (query.class !== CLASS_CHAOS || query.type !== RecordType.TXT) return undefined;
  const name = questionLabels(query);
  const asked = name.join('.').toLowerCase();
  let texts: readonly string[] = [];
  if (VERSION_NAMES.includes(asked)) texts = [version];
  else if (asked === 'authors.bind') texts = authors;
  else if (HOST_NAMES.includes(asked)) texts = [host];
  if (texts.length === 0) return undefined;
  return answerWith(
    texts.map((text) => ({
      name,
      type: RecordType.TXT,
      class: CLASS_CHAOS,
      ttl: 0,
      data: { kind: 'text', texts: [Buffer.from(text).toString('latin1').slice(0, 255)] },
    })),
    0,
  );
}
