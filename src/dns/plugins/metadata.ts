import { noBlock, onlyOnce, zonesArg } from '#dns/corefile/arguments.ts';
import type { Plugin } from '#dns/plugin.ts';
import { ZoneSet } from '#dns/zone.ts';

/** `metadata`: lets plugins note what others may want to know. What can be looked up when it is wanted needs no note. */
export const metadata: Plugin = {
  name: 'metadata',
  parse(directives, { keys }) {
    const directive = onlyOnce(directives);
    noBlock(directive);
    const own = keys.map(({ zone }) => zone);
    const zones = new ZoneSet(zonesArg(directive, directive.args, own));
    return {
      explain: ['lets plugins use what others know of a query'],
      setup: () => ({
        name: 'metadata',
        passes: () => true,
        handle(request, next) {
          if (zones.match(request.query) !== undefined) request.notes = new Map();
          return next(request);
        },
      }),
    };
  },
};
