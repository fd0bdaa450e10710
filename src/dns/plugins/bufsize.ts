import { integer, noBlock, onlyOnce } from '#dns/corefile/arguments.ts';
import { ednsOptions, withEdns } from '#dns/edns-options.ts';
import { finishAnswer } from '#dns/finish-answer.ts';
import { type DnsResult, DROP } from '#dns/handler.ts';
import type { Plugin } from '#dns/plugin.ts';

const DEFAULT_BYTES = 1232;

/** `bufsize [BYTES]`: UDP responses are no larger, whatever clients offer, so that they need no fragments. */
export const bufsize: Plugin = {
  name: 'bufsize',
  parse(directives) {
    const directive = onlyOnce(directives);
    noBlock(directive);
    const [text = String(DEFAULT_BYTES), ...more] = directive.args;
    const bytes = integer(directive, more.length > 0 ? directive.args.join(' ') : text, 512, 4096);
    return {
      explain: [`offers and sends at most ${bytes} bytes over UDP`],
      setup: () => ({
        name: 'bufsize',
        handle(request, next) {
          const { query, client, limit } = request;
          if (query.edns === undefined || query.edns.udpSize <= bytes) return next(request);
          const changed = withEdns(request, { udpSize: bytes, options: ednsOptions(query) });
          if (changed === undefined) return next(request);
          const smaller =
            client.transport === 'udp' ? { ...changed, limit: Math.min(limit, bytes) } : changed;
          // In bytes, because the OPT record of the response repeats the smaller size.
          const finish = (result: DnsResult): DnsResult => {
            request.answeredBy = smaller.answeredBy;
            return result === DROP || Buffer.isBuffer(result) ? result : finishAnswer(smaller, result);
          };
          const reply = next(smaller);
          return reply instanceof Promise ? reply.then(finish) : finish(reply);
        },
      }),
    };
  },
};
