import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { durationMs, fail, onlyArg, unknownOption, zonesArg } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { emptyAnswer } from '#dns/finish-answer.ts';
import type { DnsReply, DnsRequest } from '#dns/handler.ts';
import { lookUp } from '#dns/look-up.ts';
import type { ParseScope, Plugin, PluginInstance, SetupContext, ZoneTransfer } from '#dns/plugin.ts';
import { ReloadedFile } from '#dns/plugins/reloaded-file.ts';
import { parseZones, type Zone, ZoneMap, ZoneSet } from '#dns/zone.ts';
import { ResponseCode } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';
import { planZoneAnswer } from './plan-zone-answer.ts';
import { ZoneData } from './zone-data.ts';
import { parseZoneFile } from './zone-file.ts';

export interface FileConfig {
  readonly file: string;
  readonly zones: readonly Zone[];
  /** 0: never. */
  readonly reloadMs: number;
  /** Zones whose unknown names go on to the next plugin. */
  readonly fallthrough: ZoneSet;
  /** As read when the Corefile was. */
  readonly first: ReadonlyMap<string, ZoneData>;
}

interface ServedZone {
  readonly file: ReloadedFile<ZoneData>;
  readonly fallthrough: ZoneSet;
}

/** `file DBFILE [ZONE…]`: answers from zone files. */
export const file: Plugin = {
  name: 'file',
  parse(directives, scope) {
    const configs = directives.map((directive) => parseFileConfig(directive, scope));
    return {
      explain: configs.map(
        ({ file: name, zones }) => `answers ${zones.map(({ text }) => text).join(', ')} from ${name}`,
      ),
      setup: (context) => new FileHandler(configs, context),
    };
  },
};

class FileHandler implements PluginInstance {
  readonly name = 'file';
  readonly #zones: ZoneMap<ServedZone>;
  readonly #byKey = new Map<string, ServedZone>();

  constructor(configs: readonly FileConfig[], context: SetupContext) {
    const served = configs.flatMap(({ zones, file: name, reloadMs, fallthrough, first }) =>
      zones.flatMap((zone): [Zone, ServedZone][] => {
        const otherwise = first.get(zone.key);
        if (otherwise === undefined) return [];
        const parse = (text: string): ZoneData => readZone(text, name, zone);
        const reloaded = new ReloadedFile({ file: name, intervalMs: reloadMs, parse, otherwise }, context);
        return [[zone, { file: reloaded, fallthrough }]];
      }),
    );
    this.#zones = new ZoneMap(served);
    for (const [zone, value] of served) this.#byKey.set(zone.key, value);
  }

  handle(request: DnsRequest, next: (request: DnsRequest) => DnsReply): DnsReply {
    const { query } = request;
    const zone = this.#zones.match(query);
    if (zone === undefined) return this.#isLast(request) ? emptyAnswer(ResponseCode.REFUSED) : next(request);
    if (zone.fallthrough.match(query) !== undefined) {
      const { answer } = planZoneAnswer(zone.file.value, questionLabels(query), query.type);
      if (answer.rcode === ResponseCode.NXDOMAIN) return next(request);
    }
    request.answeredBy = 'file';
    return answerFromZone(zone.file.value, request);
  }

  transfer(zoneKey: string): ReturnType<NonNullable<PluginInstance['transfer']>> {
    const zone = this.#byKey.get(zoneKey)?.file.value;
    return zone === undefined ? undefined : transferOf(zone);
  }

  /** Nobody behind it could answer. */
  #isLast({ block }: DnsRequest): boolean {
    return !block.plugins
      .slice(block.plugins.indexOf(this) + 1)
      .some((plugin) => plugin.handle !== undefined);
  }
}

/** Answers a question of a zone, names outside that its CNAMEs lead to included. */
export function answerFromZone(zone: ZoneData, request: DnsRequest): DnsReply {
  const { query } = request;
  const { answer, external } = planZoneAnswer(zone, questionLabels(query), query.type);
  if (external === undefined) return answer;
  return lookUp(request, external, query.type).then((found) => ({
    ...answer,
    answers: [...answer.answers, ...found.answers],
  }));
}

/** The SOA record first. */
export function transferOf({ soa, records }: ZoneData): ZoneTransfer {
  return {
    serial: soa.data.kind === 'soa' ? soa.data.serial : 0,
    records: () => [soa, ...records.filter((record) => record !== soa)],
  };
}

export function parseFileConfig(directive: Directive, { keys, root }: ParseScope): FileConfig {
  const [name, ...zoneTexts] = directive.args;
  if (name === undefined)
    fail(directive, 'takes a zone file and zones, such as: file db.example.org example.org');
  const zones = zonesArg(
    directive,
    zoneTexts,
    keys.map(({ zone }) => zone),
  );
  const path = resolve(root, name);
  let reloadMs = 60_000;
  let fallthrough = new ZoneSet([]);
  for (const option of directive.block ?? []) {
    if (option.name === 'reload') reloadMs = durationMs(option, onlyArg(option, 'a duration'));
    else if (option.name === 'fallthrough')
      fallthrough = new ZoneSet(zonesArg(option, option.args, parseZones('.')));
    else if (option.name !== 'upstream') unknownOption('file', option, ['reload', 'fallthrough', 'upstream']);
  }
  try {
    const text = readFileSync(path, 'utf8');
    const first = new Map(zones.map((zone) => [zone.key, readZone(text, path, zone)]));
    return { file: path, zones, reloadMs, fallthrough, first };
  } catch (error) {
    return fail(directive, (error as Error).message);
  }
}

/** Throws an `Error` that names file and line. */
export function readZone(text: string, path: string, zone: Zone): ZoneData {
  const include = (name: string): string => readFileSync(resolve(dirname(path), name), 'utf8');
  return ZoneData.of(zone, parseZoneFile(text, { file: path, origin: zone.labels, include }));
}
