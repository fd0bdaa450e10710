import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { durationMs, fail, onlyArg, unknownOption, zonesArg } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { emptyAnswer } from '#dns/finish-answer.ts';
import type { Answerer, DnsReply, DnsRequest } from '#dns/handler.ts';
import { lookUp } from '#dns/look-up.ts';
import type { ParseScope, Plugin, PluginInstance, SetupContext, ZoneTransfer } from '#dns/plugin.ts';
import { ReloadedFile } from '#dns/plugins/reloaded-file.ts';
import { parseZones, type Zone, ZoneMap, ZoneSet } from '#dns/zone.ts';
import { RecordType, ResponseCode } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';
import { planZoneAnswer } from './plan-zone-answer.ts';
import { withProofs } from './signatures.ts';
import { ZoneData } from './zone-data.ts';
import { parseZoneFile } from './zone-file.ts';
import { ZoneNews } from './zone-news.ts';

export interface FileConfig {
  readonly file: string;
  readonly zones: readonly Zone[];
  /** 0: never. */
  readonly reloadMs: number;
  /** Zones whose unknown names go on to the next plugin. */
  readonly fallthrough: ZoneSet;
  /** As read when the Corefile was; empty when there was no such file then. */
  readonly first: ReadonlyMap<string, ZoneData>;
}

interface ServedZone {
  /** Undefined while there is no such file. */
  readonly file: ReloadedFile<ZoneData | undefined>;
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
  readonly #news: ZoneNews;

  constructor(configs: readonly FileConfig[], context: SetupContext) {
    this.#news = new ZoneNews(context.block);
    const served = configs.flatMap(({ zones, file: name, reloadMs, fallthrough, first }) =>
      zones.flatMap((zone): [Zone, ServedZone][] => {
        const otherwise = first.get(zone.key);
        const parse = (text: string): ZoneData => readZone(text, name, zone);
        const onLoaded = (data: ZoneData | undefined): void => {
          if (data !== undefined) this.#news.set(zone, transferOf(data).serial);
        };
        const options = { file: name, intervalMs: reloadMs, parse, otherwise, onLoaded };
        const reloaded = new ReloadedFile(options, context);
        return [[zone, { file: reloaded, fallthrough }]];
      }),
    );
    this.#zones = new ZoneMap(served);
    for (const [zone, value] of served) this.#byKey.set(zone.key, value);
  }

  start(): void {
    this.#news.start();
  }

  handle(request: DnsRequest, next: (request: DnsRequest) => DnsReply): DnsReply {
    const { query } = request;
    const zone = this.#zones.match(query);
    if (zone === undefined) return nextOrRefused(this, request, next);
    const { value: data } = zone.file;
    if (data === undefined) return emptyAnswer(ResponseCode.SERVFAIL);
    if (zone.fallthrough.match(query) !== undefined) {
      const { answer } = planZoneAnswer(data, questionLabels(query), query.type);
      if (answer.rcode === ResponseCode.NXDOMAIN) return next(request);
    }
    request.answeredBy = 'file';
    return answerFromZone(data, request);
  }

  transfer(zoneKey: string): ReturnType<NonNullable<PluginInstance['transfer']>> {
    const zone = this.#byKey.get(zoneKey)?.file.value;
    return zone === undefined ? undefined : transferOf(zone);
  }
}

/** A name of none of its zones is refused where nobody behind could answer. */
export function nextOrRefused(self: PluginInstance, request: DnsRequest, next: Answerer): DnsReply {
  const { plugins } = request.block;
  const behind = plugins.slice(plugins.indexOf(self) + 1);
  return behind.some(({ handle }) => handle !== undefined)
    ? next(request)
    : emptyAnswer(ResponseCode.REFUSED);
}

/** Answers a question of a zone, names outside that its CNAMEs lead to included. */
export function answerFromZone(zone: ZoneData, request: DnsRequest): DnsReply {
  const { query } = request;
  // Only `transfer` gives zones away.
  if (query.type === RecordType.AXFR || query.type === RecordType.IXFR)
    return emptyAnswer(ResponseCode.REFUSED);
  const dnssecOk = query.edns?.dnssecOk === true;
  const name = questionLabels(query);
  const { answer: plain, external } = planZoneAnswer(zone, name, query.type, dnssecOk);
  const answer = dnssecOk ? withProofs(zone, name, plain) : plain;
  if (external === undefined) return answer;
  return lookUp(request, external, query.type).then(({ rcode, answers }) => ({
    ...answer,
    ...(rcode === ResponseCode.SERVFAIL && { rcode }),
    ...(rcode === ResponseCode.NXDOMAIN && { rcode, authorities: [zone.soa] }),
    answers: [...answer.answers, ...answers],
  }));
}

/** The SOA record first. */
export function transferOf({ soa, records }: ZoneData): ZoneTransfer {
  return {
    serial: soa.data.kind === 'soa' ? soa.data.serial : 0,
    records: () => [soa, ...records.filter((record) => record !== soa)],
  };
}

function parseFileConfig(directive: Directive, { keys, root, warn }: ParseScope): FileConfig {
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
  const config = { file: path, zones, reloadMs, fallthrough, first: new Map<string, ZoneData>() };
  // It may come later, as those do that another program writes.
  if (reloadMs > 0 && statSync(path, { throwIfNoEntry: false }) === undefined) {
    warn(`file: there is no ${path}; until it comes, answers of its zones are SERVFAIL`);
    return config;
  }
  try {
    const text = readFileSync(path, 'utf8');
    const first = new Map(zones.map((zone) => [zone.key, readZone(text, path, zone)]));
    return { ...config, first };
  } catch (error) {
    return fail(directive, (error as Error).message);
  }
}

/** Throws an `Error` that names file and line. */
export function readZone(text: string, path: string, zone: Zone): ZoneData {
  const include = (name: string): string => readFileSync(resolve(dirname(path), name), 'utf8');
  return ZoneData.of(zone, parseZoneFile(text, { file: path, origin: zone.labels, include }));
}
