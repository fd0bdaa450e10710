import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { fail, noBlock, onlyOnce, zonesArg } from '#dns/corefile/arguments.ts';
import { structured, withQuestion } from '#dns/finish-answer.ts';
import { type Answerer, type DnsAnswer, type DnsRequest, type DnsResult, DROP } from '#dns/handler.ts';
import type { Metric } from '#dns/metric-registry.ts';
import type { Plugin, PluginInstance } from '#dns/plugin.ts';
import { searchDomainsOf } from '#dns/resolv-conf.ts';
import { isServerError } from '#dns/server-error.ts';
import { ZoneSet } from '#dns/zone.ts';
import {
  CLASS_IN,
  type DnsName,
  type DnsRecord,
  nameKey,
  parseName,
  RecordType,
  ResponseCode,
} from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';

/** `autopath`: walks the client's search path in its stead, and answers its first question with what was found. */
export const autopath: Plugin = {
  name: 'autopath',
  parse(directives, { keys, root }) {
    const directive = onlyOnce(directives);
    noBlock(directive);
    const [zonesBefore, source] = [directive.args.slice(0, -1), directive.args.at(-1)];
    if (source === undefined) fail(directive, 'takes a resolv.conf file or @PLUGIN, such as @kubernetes');
    const zones = new ZoneSet(
      zonesArg(
        directive,
        zonesBefore,
        keys.map(({ zone }) => zone),
      ),
    );
    const pathOf = source.startsWith('@')
      ? undefined
      : fixedPath(isAbsolute(source) ? source : join(root, source), (problem) => fail(directive, problem));
    return {
      explain: [
        `answers the first question of a search path as if the whole path had been asked (${source})`,
      ],
      setup({ block, metrics }) {
        const found = metrics.counter('coredns_autopath_success_total', 'Search paths walked.', ['server']);
        return {
          name: 'autopath',
          // A name that exists is what the first step of the path finds.
          passes: () => true,
          passesAbsent: () => false,
          handle(request, next) {
            const path = pathOf ?? pluginPath(block.plugins, source.slice(1), request);
            if (path === undefined || zones.match(request.query) === undefined) return next(request);
            return walk(request, next, path, found.with(request.block.server));
          },
        };
      },
    };
  },
};

function fixedPath(file: string, problem: (text: string) => never): readonly DnsName[] {
  try {
    const domains = searchDomainsOf(readFileSync(file, 'utf8'));
    return [...domains.map((domain) => parseName(domain) ?? []), []];
  } catch (error) {
    return problem(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function pluginPath(
  plugins: readonly PluginInstance[],
  name: string,
  request: DnsRequest,
): readonly DnsName[] | undefined {
  return plugins.find((plugin) => plugin.name === name)?.searchPath?.(request);
}

/** Only a name below the path's first domain is the first question of a client that walks it. */
async function walkPath(
  request: DnsRequest,
  next: Answerer,
  base: DnsName,
  path: readonly DnsName[],
  found: Metric,
): Promise<DnsResult> {
  const asked = questionLabels(request.query);
  let first: DnsResult | undefined;
  let failed: DnsResult | undefined;
  for (const [step, domain] of path.entries()) {
    const name = step === 0 ? asked : [...base, ...domain];
    const stepped = withQuestion({ ...request, limit: 0xffff }, name, request.query.type);
    if (stepped === undefined) continue;
    const result = await next(stepped);
    const answer = result === DROP ? undefined : structured(result);
    if (answer === undefined) continue;
    // A name that cannot be looked up now may be the one that is meant: that none exists is not known then.
    if (isServerError(answer)) {
      failed ??= keepFirst(request, stepped, answer);
      continue;
    }
    if (answer.rcode === ResponseCode.NXDOMAIN) {
      first ??= keepFirst(request, stepped, answer);
      continue;
    }
    request.answeredBy = 'autopath';
    found.value++;
    return aliased(asked, name, answer);
  }
  return failed ?? first ?? next(request);
}

function keepFirst(request: DnsRequest, stepped: DnsRequest, answer: DnsAnswer): DnsAnswer {
  request.answeredBy = stepped.answeredBy;
  return answer;
}

function walk(
  request: DnsRequest,
  next: Answerer,
  path: readonly DnsName[],
  found: Metric,
): DnsResult | Promise<DnsResult> {
  const [domain] = path;
  const asked = questionLabels(request.query);
  const base = asked.slice(0, asked.length - (domain?.length ?? 0));
  const below = domain !== undefined && base.length > 0 && endsWith(asked, domain);
  return below ? walkPath(request, next, base, path, found) : next(request);
}

function endsWith(name: DnsName, domain: DnsName): boolean {
  return nameKey(name.slice(name.length - domain.length)) === nameKey(domain);
}

/** The answer behind a CNAME from the name asked to the one found. */
function aliased(asked: DnsName, name: DnsName, answer: DnsAnswer): DnsAnswer {
  const [record] = answer.answers;
  if (record === undefined || nameKey(asked) === nameKey(name)) return answer;
  const cname: DnsRecord = {
    name: asked,
    type: RecordType.CNAME,
    class: CLASS_IN,
    ttl: record.ttl,
    data: { kind: 'name', target: name },
  };
  return { ...answer, answers: [cname, ...answer.answers] };
}
