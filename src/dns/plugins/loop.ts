import { randomInt } from 'node:crypto';
import { noArgs, noBlock, onlyOnce } from '#dns/corefile/arguments.ts';
import { emptyAnswer } from '#dns/finish-answer.ts';
import type { Client } from '#dns/handler.ts';
import type { Plugin, PluginInstance, SetupContext } from '#dns/plugin.ts';
import { compileChain } from '#dns/site.ts';
import { CLASS_IN, encodeQuery, HeaderFlag, nameKey, ResponseCode } from '#wire/dns.ts';
import { questionLabels, readQuery } from '#wire/dns-query.ts';

const TYPE_HINFO = 13;
/** One pass is the probe's own; each more came back from an upstream server. */
const PASSES_OF_A_LOOP = 2;

/**
 * `loop`: asks once, at the start, for a name that nobody has, and sees whether the question comes back: then
 * an upstream server forwards to this one. The server stays up (its own zones are well), and says so.
 */
export const loop: Plugin = {
  name: 'loop',
  parse(directives) {
    const directive = onlyOnce(directives);
    noArgs(directive);
    noBlock(directive);
    return {
      explain: ['looks, at the start, whether forwarded queries come back, and reports it'],
      setup: (context) => new LoopProbe(context),
    };
  },
};

class LoopProbe implements PluginInstance {
  readonly name = 'loop';
  readonly #context: SetupContext;
  readonly #labels: readonly string[];
  readonly #key: string;
  #passes = 0;

  constructor(context: SetupContext) {
    this.#context = context;
    const zone = context.block.keys[0]?.zone.labels ?? [];
    this.#labels = [String(randomInt(2 ** 47)), String(randomInt(2 ** 47)), ...zone];
    this.#key = nameKey(this.#labels);
  }

  handle: NonNullable<PluginInstance['handle']> = (request, next) => {
    if (request.query.type !== TYPE_HINFO || nameKey(questionLabels(request.query)) !== this.#key)
      return next(request);
    this.#passes++;
    if (this.#passes < PASSES_OF_A_LOOP) return next(request);
    if (this.#passes === PASSES_OF_A_LOOP) this.#report(request.client.address);
    return emptyAnswer(ResponseCode.SERVFAIL);
  };

  passes(): boolean {
    return true;
  }

  start(): void {
    const message = encodeQuery(
      randomInt(0x10000),
      { name: this.#labels, type: TYPE_HINFO, class: CLASS_IN },
      HeaderFlag.RD,
    );
    const query = readQuery(message);
    if ('rejected' in query) return;
    const { block } = this.#context;
    const local = { address: '127.0.0.1', port: block.keys[0]?.port ?? 0 };
    const client: Client = { transport: 'udp', family: 4, address: '127.0.0.1', port: 0, local };
    // What comes back does not matter, only what comes in.
    const ask = async (): Promise<void> => {
      await compileChain(block.plugins)({ query, client, limit: 0xffff, block, answeredBy: '', depth: 0 });
    };
    ask().catch(() => undefined);
  }

  #report(from: string): void {
    const { block, log, metrics } = this.#context;
    metrics
      .gauge('portolan_dns_loop_detected', 'Whether forwarded queries come back.', ['server', 'zone'])
      .with(block.server, block.zone).value = 1;
    log(
      `queries that ${block.server} forwards for ${block.zone} come back, from ${from}: an upstream server ` +
        'forwards to this one. Names outside the cluster cannot be answered until forward names another server ' +
        '(often /etc/resolv.conf names 127.0.0.53; /run/systemd/resolve/resolv.conf has the real servers)',
      'ERROR',
    );
  }
}
