import { onlyOnce } from '#dns/corefile/arguments.ts';
import type { Plugin } from '#dns/plugin.ts';
import { CacheHandler } from './cache-handler.ts';
import { type CacheConfig, parseCache } from './config.ts';

/** `cache`: keeps answers of the plugins behind it for as long as their records allow. */
export const cache: Plugin = {
  name: 'cache',
  parse(directives, scope) {
    const config = parseCache(onlyOnce(directives), scope);
    return {
      explain: explainCache(config),
      setup: (context) => new CacheHandler(config, context),
    };
  },
};

function explainCache({ success, denial, prefetch, serveStale }: CacheConfig): string[] {
  const lines = [`keeps answers for up to ${success.maxTtl} s, negative ones for up to ${denial.maxTtl} s`];
  const off = success.disabled.zones.filter((zone) =>
    denial.disabled.zones.some(({ key }) => key === zone.key),
  );
  if (off.length > 0) lines.push(`keeps nothing of ${off.map(({ text }) => text).join(', ')}`);
  if (prefetch !== undefined)
    lines.push(`fetches what was asked ${prefetch.hits} times again before it expires`);
  if (serveStale !== undefined) lines.push(`gives out expired answers for ${serveStale.forMs / 1000} s`);
  return lines;
}
