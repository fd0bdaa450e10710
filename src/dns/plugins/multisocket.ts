import { availableParallelism } from 'node:os';
import { integer, noBlock, onlyArg, onlyOnce } from '#dns/corefile/arguments.ts';
import type { Plugin } from '#dns/plugin.ts';

/** CoreDNS's limit. */
const MAX_SOCKETS = 1024;
/** Each socket but the first has a thread; more than a few per core only take memory. */
const MAX_PER_CORE = 4;

/** `multisocket [NUM_SOCKETS]`: so many sockets per address over UDP, each with a thread of its own. */
export const multisocket: Plugin = {
  name: 'multisocket',
  parse(directives, { keys }) {
    const directive = onlyOnce(directives);
    noBlock(directive);
    const cores = availableParallelism();
    const asked =
      directive.args.length === 0
        ? cores
        : integer(directive, onlyArg(directive, 'a number of sockets'), 1, MAX_SOCKETS);
    const sockets = Math.min(asked, cores * MAX_PER_CORE);
    return {
      explain: explain(
        asked,
        sockets,
        cores,
        keys.some(({ scheme }) => scheme === 'dns'),
      ),
      settings: { sockets },
      setup: () => ({ name: 'multisocket' }),
    };
  },
};

function explain(asked: number, sockets: number, cores: number, hasUdp: boolean): string[] {
  if (!hasUdp) return ['changes nothing: tls:// and https:// are served by one thread'];
  if (sockets === 1) return ['takes queries over UDP by one socket'];
  const lines = [
    `takes queries over UDP by ${sockets} sockets per address, each with a thread of its own`,
    'threads give answers that no plugin has to see; where there are none, one socket is enough',
  ];
  if (sockets < asked)
    lines.push(`no more than ${MAX_PER_CORE} for each of the ${cores} cores, not ${asked}`);
  return lines;
}
