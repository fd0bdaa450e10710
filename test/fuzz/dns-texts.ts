/** Mutated texts through everything that reads text: Corefiles, zone and hosts files, ConfigMaps, weights, templates. */
import { readConfiguration } from '#dns/configuration.ts';
import { CorefileError } from '#dns/corefile/error.ts';
import { planStubDomains, StubDomainError } from '#dns/plan-stub-domains.ts';
import { parseZoneFile, ZoneFileError } from '#dns/plugins/file/zone-file.ts';
import { parseHosts } from '#dns/plugins/hosts/table.ts';
import { parseTemplate, TemplateError } from '#dns/plugins/template/text-template.ts';
import { parseRecord, RecordTextError } from '#wire/dns-text.ts';
import { Random } from './mutate.ts';

const COREFILE = `
(snippet) {
    errors
    cache {args[0]} { prefetch 2 10s 20% }
}
cluster.local:53 in-addr.arpa {
    import snippet 30
    kubernetes cluster.local 10.0.0.0/8 { pods insecure; ttl 30 }
    rewrite stop { name regex (.*)\\.a\\. {1}.b. answer auto }
    rewrite edns0 subnet set 24 56
    hosts { 10.0.0.1 a.test; fallthrough }
    template IN A t.test { match "^(?P<a>[a-z]+)[.]" answer "{{ .Name }} 60 IN A 192.0.2.1" }
    acl { allow type A net 10.0.0.0/8; block }
    forward . tls://9.9.9.9%dns.quad9.net 1.1.1.1:53 { policy sequential; health_check 1s domain example. }
    view v { expr incidr(client_ip(), '10.0.0.0/8') && type() in ['A'] }
    log . "{remote} {type}" { class error }
    header { response set ra }
    {$HOME} "quoted \\" text" # comment
}`.replaceAll('; ', '\n');
const ZONE = `$ORIGIN a.test.
$TTL 1h30m
@ IN SOA ns hostmaster ( 1 2h 3 4w ; comment
  5 )
  NS ns
ns 300 A 192.0.2.1
* CNAME ns.other.
txt TXT "a b" "c\\"d" \\100
srv._tcp SRV 0 1 80 ns
$GENERATE 1-3/2 host\${0,3,d} A 10.0.0.$
x TYPE65280 \\# 2 beef
`;
const HOSTS = '127.0.0.1 localhost a.test # comment\nfd00::1%eth0\tb.test b\n::ffff:10.0.0.1 c\n';
const STUBS = '{"corp.example": ["10.0.0.1", "10.0.0.2:5353", "[fd00::1]:53"]}';
const TEMPLATE =
  '{{ $x := .Name }}{{ range $i, $m := .Match }}{{ $i }}={{ $m | printf "%q" }}{{ end }}{{ if eq $x "a" }}b{{ else if gt 1 2 }}{{- end }}';
const RECORD = 'a.test. 1h IN SVCB 1 . alpn="h2,h3" port=53 ipv4hint=192.0.2.1';

const DATA = {
  root: { Name: 'a.', Match: ['a'], Group: { a: 'a' }, Type: 'A' },
  meta: () => undefined,
};

/** What reads a text, and the only error that it may throw. */
const READERS: readonly (readonly [
  text: string,
  read: (text: string) => unknown,
  error: (new (...args: never) => Error) | undefined,
])[] = [
  [COREFILE, (text) => readConfiguration(text, 'Corefile'), CorefileError],
  [ZONE, (text) => parseZoneFile(text, { file: 'db', origin: ['test'], include: () => '' }), ZoneFileError],
  [HOSTS, parseHosts, undefined],
  [STUBS, (text) => planStubDomains({ stubDomains: text, upstreamNameservers: text }), StubDomainError],
  [TEMPLATE, (text) => parseTemplate(text)(DATA), TemplateError],
  [RECORD, (text) => parseRecord(text), RecordTextError],
];
const PIECES = [
  '{',
  '}',
  '\n',
  '"',
  '\\',
  '{{',
  '}}',
  '(',
  ')',
  '$',
  '.',
  '..',
  '#',
  ';',
  '\0',
  '🚢',
  '-1',
  '1e9',
  '::',
  '/',
  ' ',
];
const MAX_CHARS = 3000;

/** Throws what a reader throws beyond its own error, with the text. */
export function fuzzTexts(count: number, seed: number): void {
  const random = new Random(seed);
  for (let i = 0; i < count; i++) {
    const [seedText, read, expected] = random.pick(READERS);
    const text = mutateText(seedText, random);
    try {
      read(text);
    } catch (error) {
      if (expected !== undefined && error instanceof expected) continue;
      throw new Error(`reading ${JSON.stringify(text)}`, { cause: error });
    }
  }
}

function mutateText(text: string, random: Random): string {
  let changed = text;
  for (let changes = random.below(6); changes > 0; changes--) {
    const at = random.below(changed.length + 1);
    const end = at + random.below(random.below(2) === 0 ? 3 : 60);
    const other = random.below(3) === 0 ? random.pick(READERS)[0] : changed;
    const from = random.below(other.length);
    const piece = random.below(2) === 0 ? random.pick(PIECES) : other.slice(from, from + random.below(40));
    changed = (changed.slice(0, at) + piece + changed.slice(end)).slice(0, MAX_CHARS);
  }
  return changed;
}
