import { noArgs, noBlock, onlyOnce } from '#dns/corefile/arguments.ts';
import type { Plugin } from '#dns/plugin.ts';
import { formatName, typeName } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';

/** `debug`: logs queries whose answering throws, with their bytes, before the server says SERVFAIL. */
export const debug: Plugin = {
  name: 'debug',
  parse(directives) {
    const directive = onlyOnce(directives);
    noArgs(directive);
    noBlock(directive);
    return {
      explain: ['logs queries that break something, with their bytes'],
      setup: ({ log }) => ({
        name: 'debug',
        passes: () => true,
        handle(request, next) {
          const tell = (error: unknown): never => {
            const { message, type } = request.query;
            const question = `${formatName(questionLabels(request.query))} ${typeName(type)}`;
            log(
              `${question} from ${request.client.address} failed; the query is ${message.toString('hex')}`,
              'DEBUG',
            );
            throw error;
          };
          try {
            const reply = next(request);
            return reply instanceof Promise ? reply.catch(tell) : reply;
          } catch (error) {
            return tell(error);
          }
        },
      }),
    };
  },
};
