import { CorefileError } from './corefile/error.ts';
import type { Directive } from './corefile/parse.ts';
import type { Plugin } from './plugin.ts';
import { PLUGIN_ORDER } from './plugin-order.ts';
import { whoami } from './plugins/whoami.ts';

/** All plugins there are. */
const PLUGINS: readonly Plugin[] = [whoami];

const BY_NAME: ReadonlyMap<string, Plugin> = new Map(PLUGINS.map((plugin) => [plugin.name, plugin]));
const ORDER: readonly string[] = PLUGIN_ORDER;

/** A plugin with all its directives in one server block. */
export interface UsedPlugin {
  readonly plugin: Plugin;
  readonly directives: readonly Directive[];
}

/** The plugins of a server block in the order in which they answer. Throws `CorefileError` for unknown ones. */
export function usedPlugins(directives: readonly Directive[]): UsedPlugin[] {
  for (const { name, where } of directives) {
    if (!BY_NAME.has(name)) throw new CorefileError(where, unknownPlugin(name));
  }
  return ORDER.flatMap((name) => {
    const plugin = BY_NAME.get(name);
    const own = directives.filter((directive) => directive.name === name);
    return plugin === undefined || own.length === 0 ? [] : [{ plugin, directives: own }];
  });
}

function unknownPlugin(name: string): string {
  const known = [...BY_NAME.keys(), 'import'].toSorted().join(', ');
  return ORDER.includes(name)
    ? `the plugin ${name} is CoreDNS's, but not one of Portolan's, which are ${known}`
    : `there is no plugin ${JSON.stringify(name)}; there are ${known}`;
}
