import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { durationMs, fail, onlyArg, onlyOnce, unknownOption, zonesArg } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { fillGroups, goRegExp } from '#dns/go-regexp.ts';
import type { DnsReply, DnsRequest } from '#dns/handler.ts';
import type { ParseScope, Plugin, PluginInstance, SetupContext } from '#dns/plugin.ts';
import { parseZones, type Zone, ZoneMap, ZoneSet } from '#dns/zone.ts';
import { answerFromZone, nextOrRefused, readZone, transferOf } from './file.ts';
import type { ZoneData } from './zone-data.ts';
import { ZoneNews } from './zone-news.ts';

export interface AutoConfig {
  readonly zones: ZoneSet;
  readonly directory: string;
  /** Files whose names match are zones; groups fill `origin`. */
  readonly pattern: RegExp;
  readonly origin: string;
  readonly reloadMs: number;
}

interface LoadedZone {
  readonly zone: Zone;
  readonly data: ZoneData;
  /** Time and size of its file. */
  readonly seen: string;
}

/** `auto [ZONE…] { directory FOLDER [REGEXP ORIGIN] }`: zone files of a folder, as they come and go. */
export const auto: Plugin = {
  name: 'auto',
  parse(directives, scope) {
    const config = parseAuto(onlyOnce(directives), scope);
    return {
      explain: [`answers from zone files in ${config.directory} that match ${config.pattern.source}`],
      setup: (context) => new AutoHandler(config, context),
    };
  },
};

class AutoHandler implements PluginInstance {
  readonly name = 'auto';
  readonly #config: AutoConfig;
  readonly #log: SetupContext['log'];
  readonly #news: ZoneNews;
  #loaded = new Map<string, LoadedZone>();
  #zones = new ZoneMap<ZoneData>();
  /** The last problem per file, so that each is told once. */
  readonly #problems = new Map<string, string>();

  constructor(config: AutoConfig, { block, log, stack }: Pick<SetupContext, 'block' | 'log' | 'stack'>) {
    this.#news = new ZoneNews(block);
    this.#config = config;
    this.#log = log;
    this.#scan();
    if (config.reloadMs <= 0) return;
    const timer = setInterval(() => this.#scan(), config.reloadMs);
    timer.unref();
    stack.defer(() => clearInterval(timer));
  }

  start(): void {
    this.#news.start();
  }

  handle(request: DnsRequest, next: (request: DnsRequest) => DnsReply): DnsReply {
    const zone = this.#config.zones.match(request.query) && this.#zones.match(request.query);
    if (zone === undefined) return nextOrRefused(this, request, next);
    request.answeredBy = 'auto';
    return answerFromZone(zone, request);
  }

  transfer(zoneKey: string): ReturnType<NonNullable<PluginInstance['transfer']>> {
    const found = [...this.#loaded.values()].find(({ zone }) => zone.key === zoneKey);
    return found === undefined ? undefined : transferOf(found.data);
  }

  /** Zones of files that are gone go, too; a file that has become bad keeps what it said. */
  #scan(): void {
    const { directory, pattern, origin } = this.#config;
    const loaded = new Map<string, LoadedZone>();
    for (const name of this.#names(directory)) {
      const match = pattern.exec(name);
      if (match === null) continue;
      const known = this.#loaded.get(name);
      try {
        const path = join(directory, name);
        const { mtimeMs, size } = statSync(path);
        const seen = `${mtimeMs}/${size}`;
        const [zone] = parseZones(fillGroups(origin, match));
        if (zone === undefined) continue;
        loaded.set(
          name,
          known?.seen === seen
            ? known
            : { zone, seen, data: readZone(readFileSync(path, 'utf8'), path, zone) },
        );
        this.#problems.delete(name);
      } catch (error) {
        this.#report(name, (error as Error).message);
        if (known !== undefined) loaded.set(name, known);
      }
    }
    this.#loaded = loaded;
    this.#zones = new ZoneMap([...loaded.values()].map(({ zone, data }) => [zone, data]));
    for (const { zone, data } of loaded.values()) this.#news.set(zone, transferOf(data).serial);
  }

  #names(directory: string): string[] {
    try {
      const names = readdirSync(directory).toSorted();
      this.#problems.delete('');
      return names;
    } catch (error) {
      this.#report('', (error as Error).message);
      return [];
    }
  }

  #report(name: string, problem: string): void {
    if (this.#problems.get(name) === problem) return;
    this.#problems.set(name, problem);
    this.#log(problem, 'WARNING');
  }
}

function parseAuto(directive: Directive, { keys, root }: ParseScope): AutoConfig {
  const own = keys.map(({ zone }) => zone);
  const zones = new ZoneSet(zonesArg(directive, directive.args, own));
  let config: AutoConfig = { zones, directory: '', pattern: /db\.(.*)/, origin: '{1}', reloadMs: 60_000 };
  for (const option of directive.block ?? []) {
    if (option.name === 'directory') config = { ...config, ...folder(option, root) };
    else if (option.name === 'reload')
      config = { ...config, reloadMs: durationMs(option, onlyArg(option, 'a duration')) };
    else if (option.name === 'upstream') continue;
    else unknownOption('auto', option, ['directory', 'reload', 'upstream']);
  }
  if (config.directory === '') fail(directive, 'needs a block with: directory FOLDER');
  return config;
}

function folder(option: Directive, root: string): Partial<AutoConfig> {
  const [directory, pattern, origin, ...more] = option.args;
  if (directory === undefined || more.length > 0 || (pattern !== undefined && origin === undefined))
    fail(option, 'takes a folder, then if wanted a regular expression and an origin such as {1}');
  const path = resolve(root, directory);
  if (pattern === undefined || origin === undefined) return { directory: path };
  try {
    // Without a group all files would be one zone.
    if (new RegExp(`${goRegExp(pattern).source}|`).exec('')?.length === 1)
      fail(option, `${pattern} has no group in parentheses to make the origin from`);
    return { directory: path, pattern: goRegExp(pattern), origin };
  } catch (error) {
    return fail(option, `${pattern} is no regular expression: ${(error as Error).message}`);
  }
}
