import { choice, fail, onlyArg, onlyOnce, unknownOption } from '#dns/corefile/arguments.ts';
import { listenArg } from '#dns/corefile/listen-arg.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import type { BlockContext, Plugin } from '#dns/plugin.ts';
import { formatAddressPort } from '#lib/ip.ts';

/** `ready`: the page /ready, 503 with the names of plugins that cannot answer yet. */
export const ready: Plugin = {
  name: 'ready',
  parse(directives) {
    const directive = onlyOnce(directives);
    const listen = listenArg(directive, ':8181');
    const forever = monitorOf(directive) === 'until-ready';
    return {
      explain: [
        `serves http://${formatAddressPort(listen.address, listen.port)}/ready: 200 when all plugins can answer`,
      ],
      setup({ server, stack }) {
        const seen = new Set<string>();
        let stopping = false;
        return {
          name: 'ready',
          async start() {
            const reply = () => {
              const waiting = stopping ? ['stopping'] : laggards(server.blocks, forever ? seen : undefined);
              return waiting.length === 0
                ? { status: 200, body: 'OK' }
                : { status: 503, body: waiting.join(',') };
            };
            stack.use(await server.pages.add(listen, '/ready', reply));
          },
          stopping() {
            stopping = true;
            return Promise.resolve();
          },
        };
      },
    };
  },
};

/** `continuously` (ours by default): a plugin that can no longer answer makes the server unready again. */
function monitorOf(directive: Directive): 'continuously' | 'until-ready' {
  let monitor: 'continuously' | 'until-ready' = 'continuously';
  for (const option of directive.block ?? []) {
    if (option.name !== 'monitor') unknownOption('ready', option, ['monitor']);
    if (option.args.length !== 1) fail(option, 'takes continuously or until-ready');
    monitor = choice(option, onlyArg(option, 'a word'), ['continuously', 'until-ready']);
  }
  return monitor;
}

/** Names of plugins that are not ready, sorted; those in `seen` have been ready once and are taken to be. */
function laggards(blocks: readonly BlockContext[], seen: Set<string> | undefined): string[] {
  const names = new Set<string>();
  for (const [i, { plugins }] of blocks.entries()) {
    for (const { name, ready: isReady } of plugins.map((plugin) => ({
      name: plugin.name,
      ready: plugin.ready?.() ?? true,
    }))) {
      if (isReady) seen?.add(`${i} ${name}`);
      else if (seen?.has(`${i} ${name}`) !== true) names.add(name);
    }
  }
  return [...names].toSorted();
}
