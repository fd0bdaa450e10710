import { resolve } from 'node:path';
import {
  durationMs,
  fail,
  integer,
  noArgs,
  onlyArg,
  unknownOption,
  zonesArg,
} from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import type { ParseScope } from '#dns/plugin.ts';
import { parseZones, type Zone, ZoneSet } from '#dns/zone.ts';
import { parseIp } from '#lib/ip.ts';
import { parseName } from '#wire/dns.ts';

export interface HostsConfig {
  readonly file: string;
  /** Of names, not of reverse names, which are answered wherever they are. */
  readonly zones: ZoneSet;
  /** Lines of the Corefile, as in a file. */
  readonly inline: string;
  readonly ttl: number;
  readonly reverse: boolean;
  /** 0: never. */
  readonly reloadMs: number;
  /** Zones whose other names go on to the next plugin. */
  readonly fallthrough: ZoneSet;
  /** Whether queries of other types than A, AAAA and PTR go on even for names that are there. */
  readonly fallthroughUnsupported: boolean;
}

const OPTIONS = ['ttl', 'no_reverse', 'reload', 'fallthrough', 'fallthrough_unsupported'];
const MAX_TTL = 65_535;

/** Reads `hosts [FILE [ZONE…]] { lines and options }`. */
export function parseHostsConfig(directive: Directive, { keys, root }: ParseScope): HostsConfig {
  const [file = '/etc/hosts', ...zones] = directive.args;
  const inline: string[] = [];
  const own: readonly Zone[] = zonesArg(
    directive,
    zones,
    keys.map(({ zone }) => zone),
  );
  let config: HostsConfig = {
    file: resolve(root, file),
    zones: new ZoneSet(own),
    inline: '',
    ttl: 3600,
    reverse: true,
    reloadMs: 5000,
    fallthrough: new ZoneSet([]),
    fallthroughUnsupported: false,
  };
  for (const option of directive.block ?? []) {
    const changed = readOption(option);
    if (changed === undefined) inline.push(inlineEntry(option));
    else config = { ...config, ...changed };
  }
  if (config.fallthroughUnsupported && config.fallthrough.zones.length === 0)
    fail(directive, 'fallthrough_unsupported needs fallthrough beside it');
  return { ...config, inline: inline.join('\n') };
}

function readOption(option: Directive): Partial<HostsConfig> | undefined {
  switch (option.name) {
    case 'ttl':
      return { ttl: integer(option, onlyArg(option, 'seconds'), 1, MAX_TTL) };
    case 'no_reverse':
      noArgs(option);
      return { reverse: false };
    case 'reload':
      return { reloadMs: durationMs(option, onlyArg(option, 'a duration')) };
    case 'fallthrough':
      return { fallthrough: new ZoneSet(zonesArg(option, option.args, parseZones('.'))) };
    case 'fallthrough_unsupported':
      noArgs(option);
      return { fallthroughUnsupported: true };
    default:
      return undefined;
  }
}

function inlineEntry(option: Directive): string {
  if (parseIp(option.name.replace(/%.*/, '')) === undefined)
    unknownOption('hosts', option, [...OPTIONS, 'ADDRESS NAME…']);
  if (option.args.length === 0) fail(option, 'which name has this address?');
  for (const name of option.args) {
    if (parseName(name) === undefined) fail(option, `${name} is no host name`);
  }
  return [option.name, ...option.args].join(' ');
}
