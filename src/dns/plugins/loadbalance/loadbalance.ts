import { randomInt } from 'node:crypto';
import { resolve } from 'node:path';
import { choice, durationMs, fail, onlyArg, onlyOnce, unknownOption } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { nextAnswer } from '#dns/finish-answer.ts';
import type { Answerer, DnsAnswer, DnsReply, DnsRequest, DnsResult } from '#dns/handler.ts';
import type { ParseScope, Plugin } from '#dns/plugin.ts';
import { ReloadedFile } from '#dns/plugins/reloaded-file.ts';
import { Cidr } from '#lib/ip.ts';
import { type DnsRecord, nameKey, RecordType } from '#wire/dns.ts';
import { type Random, shuffleAnswer, shuffleBytes } from './shuffle.ts';
import { parseWeights, type Weights } from './weights.ts';

export interface LoadbalanceConfig {
  readonly policy: 'round_robin' | 'weighted';
  readonly weightsFile: string;
  /** 0: never. */
  readonly reloadMs: number;
  /** Addresses in these networks come first, in this order. */
  readonly prefer: readonly Cidr[];
}

/** Good enough for spreading load, and much faster than the kind for secrets. */
const random: Random = (below) => Math.floor(Math.random() * below);

/** `loadbalance [round_robin | weighted FILE]`: changes the order of addresses from answer to answer. */
export const loadbalance: Plugin = {
  name: 'loadbalance',
  parse(directives, scope) {
    const config = parseLoadbalance(onlyOnce(directives), scope);
    const byWeight = config.policy === 'weighted';
    return {
      explain: [
        byWeight
          ? `puts addresses first by the weights in ${config.weightsFile}`
          : 'gives addresses in random order',
      ],
      setup(context) {
        if (!byWeight && config.prefer.length === 0)
          return { name: 'loadbalance', passes: () => true, handle: spread };
        const file = new ReloadedFile<Weights>(
          {
            file: config.weightsFile,
            intervalMs: config.reloadMs,
            parse: parseWeights,
            otherwise: new Map(),
          },
          byWeight ? context : { ...context, log: () => undefined },
        );
        return {
          name: 'loadbalance',
          handle: (request, next) =>
            nextAnswer(request, next, (answer) =>
              preferred(
                config,
                byWeight ? weigh(answer, file.value, randomInt) : shuffleAnswer(answer, random),
              ),
            ),
        };
      },
    };
  },
};

/** Answers in bytes are changed where they lie; MX records among them are not of one length. */
function spread(request: DnsRequest, next: Answerer): DnsReply {
  const { type } = request.query;
  if (type === RecordType.MX || type === RecordType.ANY)
    return nextAnswer(request, next, (answer) => shuffleAnswer(answer, random));
  const change = (result: DnsResult): DnsResult => {
    if (typeof result === 'symbol') return result;
    if (!Buffer.isBuffer(result)) return result.transfer === true ? result : shuffleAnswer(result, random);
    shuffleBytes(result, random);
    return result;
  };
  const reply = next(request);
  return reply instanceof Promise ? reply.then(change) : change(reply);
}

/** One address, drawn by weight, comes first. */
export function weigh(answer: DnsAnswer, weights: Weights, draw: Random): DnsAnswer {
  const addresses = answer.answers.filter(({ data }) => data.kind === 'address');
  const [first] = addresses;
  const known = first === undefined ? undefined : weights.get(nameKey(first.name));
  if (known === undefined || addresses.length < 2) return answer;
  const weightOf = ({ data }: DnsRecord): number =>
    data.kind === 'address' ? ([...known].find(([address]) => address === data.address)?.[1] ?? 1) : 0;
  let left = draw(addresses.reduce((sum, record) => sum + weightOf(record), 0));
  const drawn = addresses.find((record) => (left -= weightOf(record)) < 0);
  const others = addresses.filter((record) => record !== drawn);
  const rest = answer.answers.filter((record) => !addresses.includes(record));
  return { ...answer, answers: [...rest, ...(drawn === undefined ? [] : [drawn]), ...others] };
}

function preferred({ prefer }: LoadbalanceConfig, answer: DnsAnswer): DnsAnswer {
  if (prefer.length === 0) return answer;
  const rank = ({ data }: DnsRecord): number => {
    if (data.kind !== 'address') return -1;
    const at = prefer.findIndex((network) => network.contains(data.address));
    return at < 0 ? prefer.length : at;
  };
  return { ...answer, answers: answer.answers.toSorted((a, b) => rank(a) - rank(b)) };
}

export function parseLoadbalance(directive: Directive, { root }: ParseScope): LoadbalanceConfig {
  const [policyText = 'round_robin', file, ...more] = directive.args;
  const policy = choice(directive, policyText, ['round_robin', 'weighted']);
  if (policy === 'weighted' ? file === undefined || more.length > 0 : file !== undefined)
    fail(directive, 'takes round_robin alone, or weighted and a file');
  let config: LoadbalanceConfig = {
    policy,
    weightsFile: resolve(root, file ?? ''),
    reloadMs: 30_000,
    prefer: [],
  };
  for (const option of directive.block ?? []) {
    if (option.name === 'reload' && policy === 'weighted')
      config = { ...config, reloadMs: durationMs(option, onlyArg(option, 'a duration')) };
    else if (option.name === 'prefer')
      config = { ...config, prefer: [...config.prefer, ...networks(option)] };
    else unknownOption('loadbalance', option, policy === 'weighted' ? ['reload', 'prefer'] : ['prefer']);
  }
  return config;
}

function networks(option: Directive): Cidr[] {
  if (option.args.length === 0) fail(option, 'which networks?');
  return option.args.map(
    (text) => Cidr.parse(text) ?? fail(option, `${text} is no network such as 10.0.0.0/8`),
  );
}
