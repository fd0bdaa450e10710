import { durationMs, fail, noBlock, onlyArg, onlyOnce } from '#dns/corefile/arguments.ts';
import { emptyAnswer } from '#dns/finish-answer.ts';
import type { DnsResult } from '#dns/handler.ts';
import type { Plugin } from '#dns/plugin.ts';
import { ResponseCode } from '#wire/dns.ts';

const DEFAULT_MS = 5001;

/** `cancel [DURATION]`: a query that nobody answers in time is answered with SERVFAIL. */
export const cancel: Plugin = {
  name: 'cancel',
  parse(directives) {
    const directive = onlyOnce(directives);
    noBlock(directive);
    const timeoutMs =
      directive.args.length === 0 ? DEFAULT_MS : durationMs(directive, onlyArg(directive, 'a duration'));
    if (timeoutMs <= 0) fail(directive, 'no query could be answered in no time; take a duration such as 5s');
    return {
      explain: [`gives up on a query after ${timeoutMs} ms`],
      setup: () => ({
        name: 'cancel',
        handle(request, next) {
          const reply = next(request);
          return reply instanceof Promise ? within(reply, timeoutMs) : reply;
        },
      }),
    };
  },
};

async function within(reply: Promise<DnsResult>, timeoutMs: number): Promise<DnsResult> {
  const { promise, resolve } = Promise.withResolvers<DnsResult>();
  const timer = setTimeout(() => resolve(emptyAnswer(ResponseCode.SERVFAIL)), timeoutMs);
  try {
    return await Promise.race([reply, promise]);
  } finally {
    clearTimeout(timer);
  }
}
