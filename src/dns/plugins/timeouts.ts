import { durationMs, fail, noArgs, onlyArg, onlyOnce, unknownOption } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import type { Plugin, StreamTimeouts } from '#dns/plugin.ts';

const FIELDS: Readonly<Record<string, keyof StreamTimeouts>> = {
  read: 'readMs',
  write: 'writeMs',
  idle: 'idleMs',
};
const MIN_MS = 1000;
const MAX_MS = 24 * 3_600_000;

/** `timeouts { read|write|idle DURATION }`: of connections over TCP, TLS and HTTPS. */
export const timeouts: Plugin = {
  name: 'timeouts',
  parse(directives) {
    const settings = parseTimeouts(onlyOnce(directives));
    return {
      explain: [`closes connections after ${describe(settings)}`],
      settings: { timeouts: settings },
      setup: () => ({ name: 'timeouts' }),
    };
  },
};

function parseTimeouts(directive: Directive): StreamTimeouts {
  noArgs(directive);
  if (directive.block === undefined || directive.block.length === 0)
    fail(directive, 'needs a block with lines such as: read 3s');
  let settings: StreamTimeouts = {};
  for (const option of directive.block) {
    const field = Object.hasOwn(FIELDS, option.name) ? FIELDS[option.name] : undefined;
    if (field === undefined) unknownOption('timeouts', option, Object.keys(FIELDS));
    const text = onlyArg(option, 'a duration');
    // A number alone is seconds.
    const ms = durationMs(option, /^\d+$/.test(text) ? `${text}s` : text);
    if (ms < MIN_MS || ms > MAX_MS) fail(option, 'may be from 1s to 24h');
    settings = { ...settings, [field]: ms };
  }
  return settings;
}

function describe(settings: StreamTimeouts): string {
  return Object.entries(settings)
    .map(([name, ms]) => `${ms} ms (${name.replace('Ms', '')})`)
    .join(', ');
}
