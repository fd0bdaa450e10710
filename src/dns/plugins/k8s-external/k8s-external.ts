import { fail, integer, knownOption, noArgs, onlyArg, onlyOnce, zonesArg } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import type { ParseScope, Plugin } from '#dns/plugin.ts';
import { ROOT, type Zone } from '#dns/zone.ts';
import { parseName } from '#wire/dns.ts';
import { type ExternalConfig, ExternalHandler } from './external-handler.ts';

type Draft = { -readonly [K in keyof ExternalConfig]: ExternalConfig[K] };

const OPTIONS: Readonly<Record<string, (draft: Draft, option: Directive) => void>> = {
  apex(draft, option) {
    const text = onlyArg(option, 'a label');
    if (parseName(text)?.length !== 1) fail(option, `${JSON.stringify(text)} is no label such as dns`);
    draft.apex = text.toLowerCase();
  },
  ttl(draft, option) {
    draft.ttl = integer(option, onlyArg(option, 'seconds'), 0, 3600);
  },
  headless(draft, option) {
    noArgs(option);
    draft.headless = true;
  },
  fallthrough(draft, option) {
    draft.fallthrough = zonesArg(option, option.args, [ROOT]);
  },
};

/** `k8s_external [ZONE…] { … }`: names for what Services have outside the cluster, from the block's `kubernetes`. */
export const k8sExternal: Plugin = {
  name: 'k8s_external',
  parse(directives, scope) {
    const config = parseExternal(onlyOnce(directives), scope);
    return { explain: explain(config), setup: (context) => new ExternalHandler(config, context) };
  },
};

function parseExternal(directive: Directive, { keys, plugins }: ParseScope): ExternalConfig {
  if (!plugins.has('kubernetes')) fail(directive, 'needs the plugin kubernetes in the same server block');
  const zones = zonesArg(
    directive,
    directive.args,
    keys.map(({ zone }) => zone),
  );
  const draft: Draft = { zones, apex: 'dns', ttl: 5, headless: false, fallthrough: [] };
  for (const option of directive.block ?? []) {
    const read = knownOption('k8s_external', option, OPTIONS);
    read(draft, option);
  }
  return draft;
}

function explain({ zones, ttl, headless, fallthrough }: ExternalConfig): string[] {
  const texts = (of: readonly Zone[]): string => of.map(({ text }) => text).join(', ');
  return [
    `answers for ${texts(zones)} with external addresses of Services${headless ? ' and endpoints of headless ones' : ''}, with a TTL of ${ttl} s`,
    ...(fallthrough.length > 0
      ? [`hands unknown names of ${texts(fallthrough)} on to the plugins behind it`]
      : []),
  ];
}
