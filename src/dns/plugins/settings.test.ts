import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CorefileError } from '#dns/corefile/error.ts';
import type { Plugin } from '#dns/plugin.ts';
import { usedPlugins } from '#dns/plugin-registry.ts';
import { directives, SCOPE } from '#test/support/dns-plugin.ts';

/** Lines that a server block must not have, and what the error says of them. */
const WRONG: readonly [text: string, problem: RegExp][] = [
  ['acl {\nblock net 10.0.0.300\n}', /Corefile:3: .*neither an address nor a network/],
  ['acl {\nforbid net *\n}', /none of allow, block, filter, drop/],
  ['acl {\nblock type\n}', /which one/],
  ['acl', /needs a block/],
  ['any please', /takes no arguments/],
  ['bufsize 100', /between 512 and 4096/],
  ['cache -5', /Corefile:2: cache: .*between 1/],
  ['cache {\nforever\n}', /Corefile:3: .*there is no option "forever"; there are denial, disable/],
  ['cache {\nservfail 10m\n}', /5m at most/],
  ['cache {\nprefetch 5 1m 10\n}', /lacks its %/],
  ['cache {\nserve_stale 1h sometimes\n}', /immediate, verify/],
  ['cache {\nserve_stale 1h immediate 1s\n}', /only verify/],
  ['cache {\ndisable everything\n}', /success, denial/],
  ['cancel soon', /no duration/],
  ['dns64 10.0.0.0/8', /no IPv6 prefix/],
  ['forward .', /needs a domain and servers/],
  [
    `forward . ${Array.from({ length: 16 }, (_, i) => `127.0.0.${i + 1}`).join(' ')}`,
    /16 servers are too many; 15/,
  ],
  ['forward . grpc://1.1.1.1', /neither an address/],
  ['forward . 9.9.9.9 {\nfailover NOERROR\n}', /no failure/],
  ['forward . 9.9.9.9 {\nfailover WHAT\n}', /no response code/],
  ['forward . 9.9.9.9 {\npolicy best\n}', /random, round_robin, sequential/],
  ['forward . 9.9.9.9 {\nhealth_check\n}', /takes a duration/],
  [
    'forward . ./not-a-file',
    /Corefile:2: forward: .\/not-a-file is neither an address .*, a host nor a file/,
  ],
  ['forward . a.b {\nresolver c.d\n}', /Corefile:3: resolver: c.d is no address such as 10.0.0.1/],
  ['forward . a.b {\nresolver\n}', /Corefile:3: resolver: which addresses/],
  ['forward . 9.9.9.9 {\nexpire -1s\n}', /"-1s" is no duration/],
  ['forward . 9.9.9.9 {\nmax_age 1s\n}', /Corefile:2: forward: max_age is shorter than expire/],
  ['hosts {\nfallthrough_unsupported\n}', /Corefile:2: hosts: fallthrough_unsupported needs fallthrough/],
  ['bind lo {\nexcept nowhere0\n}', /Corefile:3: except: nowhere0 is neither an address nor an interface/],
  ['bind 127.0.0.1 {\nexcept 127.0.0.1\n}', /Corefile:2: bind: leaves no address to listen on/],
  ['health 127.0.0.1', /Corefile:2: health: 127.0.0.1 lacks its port, as in 127.0.0.1:8080/],
  ['metadata\nmetadata', /Corefile:3: metadata: is there already on line 2/],
  ['metadata {\nx\n}', /Corefile:2: metadata: takes no block/],
  ['forward . 9.9.9.9 {\nmax_fails -1\n}', /between 0/],
  ['forward . 9.9.9.9 {\ntls /nowhere/ca.pem\n}', /ca\.pem cannot be read/],
  ['forward . tls://9.9.9.9%dns.quad9.net {\ntls_servername x\n}', /exclude each other/],
  ['header {\nresponse set xx\n}', /none of aa, ra/],
  ['header', /needs a block/],
  ['hosts {\nttl x\n}', /whole number/],
  ['hosts {\nnot-an-ip name\n}', /no option/],
  ['hosts {\n10.0.0.1\n}', /which name/],
  ['loadbalance sticky', /round_robin, weighted/],
  ['loadbalance weighted', /a file/],
  ['multisocket two', /"two" is no whole number between 1 and 1024/],
  ['multisocket 0', /between 1 and 1024/],
  ['multisocket 1025', /between 1 and 1024/],
  ['multisocket 2 2', /takes one argument, a number of sockets, not 2/],
  ['multisocket 2 {\nthreads 2\n}', /takes no block/],
  ['multisocket 2\nmultisocket 3', /Corefile:3: multisocket: is there already on line 2/],
  ['rewrite colour a b', /colour cannot be rewritten; there are name, type, class, edns0, ttl, cname, rcode/],
  ['rewrite name a', /name takes/],
  ['rewrite name regex ( x', /no regular expression/],
  ['rewrite name a b answer nonsense', /auto, name, value/],
  ['rewrite rcode exact a.example. NXDOMAIN WHAT', /WHAT is no response code/],
  ['rewrite type A QQ', /QQ is no record type/],
  ['rewrite ttl a.example. soon', /no TTL/],
  ['rewrite edns0 local set 0xffee {nothing}', /there is no \{nothing\}/],
  ['rewrite edns0 subnet set 40 56', /between 0 and 32/],
  ['rewrite edns0 nsid set x', /takes nothing more/],
  ['rewrite edns0 local unset 0xffee x', /takes a number alone/],
  ['rewrite edns0 subnet unset 24', /takes nothing more/],
  ['rewrite name regex (a) {1}{2}', /uses 2 groups, but there are only 1 in \(a\)/],
  ['cancel 0', /no query could be answered in no time/],
  ['erratic {\ndrop 1 2\n}', /Corefile:3: .*2 is one argument too many/],
  ['whoami {\nx\n}', /takes no block/],
  ['template IN A . {\nrcode NXDOMAIN NOERROR\n}', /takes one argument/],
  ['template IN A . {\nanswer "{{ range .Match }}"\n}', /a block has no \{\{ end \}\}/],
  [
    'template IN A . {\nanswer "{{ block \\"x\\" . }}"\n}',
    /block \}\} is not implemented; there are if, with/,
  ],
  ['template IN A . {\nanswer "{{ .Nope"\n}', /no closing/],
  ['template IN A . {\nanswer "{{ .Nope }}"\n}', /there is no .Nope/],
  ['template IN A . {\nmatch (\n}', /no regular expression/],
  ['template XX A .', /no class/],
  ['timeouts {\nread 1ms\n}', /1s to 24h/],
  ['timeouts {\nconnect 1s\n}', /idle, read, write/],
  ['view x', /needs a block/],
  ['view x {\nexpr nothing()\n}', /there is no function nothing/],
  ['view x {\nexpr name( == 1\n}', /./],
];

for (const [text, problem] of WRONG) {
  test(`plugins refuse ${JSON.stringify(text).slice(0, 70)}`, () => {
    assert.throws(
      () => parse(text),
      (error) => {
        assert.ok(error instanceof CorefileError, String(error));
        assert.match(error.message, /^Corefile:\d+: /);
        assert.match(error.message, problem);
        return true;
      },
    );
  });
}

const RIGHT = [
  'acl example.org {\nallow net 10.0.0.0/8 fd00::/8\nblock type A AAAA net *\n}',
  'cache 60 example.org {\nsuccess 1000 60 5\ndenial 500 30\nprefetch 2 10s 20%\nserve_stale 1h verify 1s\nservfail 0\nkeepttl\n}',
  'forward . 9.9.9.9 [2620:fe::fe]:53 tls://1.1.1.1%one.test:853 https://8.8.8.8/dns-query {\nhealth_check 1s no_rec domain example.\nnext NXDOMAIN\nfailover SERVFAIL\n}',
  'multisocket',
  'multisocket 1024',
  'rewrite continue {\nname regex (.*)\\.a\\. {1}.b.\nanswer name (.*)\\.b\\. {1}.a.\n}',
  'rewrite edns0 NSID SET revert',
  'rewrite name suffix .a .b answer name (.*)\\.b {1}.a value (.*)\\.b {1}.a',
  'header {\nquery set aa\nresponse clear rd\n}',
  "view inside {\nexpr incidr(client_ip(), '10.0.0.0/8') && type() in ['A', 'AAAA']\n}",
];

for (const text of RIGHT) {
  test(`plugins take ${JSON.stringify(text).slice(0, 60)} and say what they will do`, () => {
    for (const { explain } of parse(text)) assert.ok(explain.every((line) => line.length > 10));
  });
}

function parse(text: string): ReturnType<Plugin['parse']>[] {
  return usedPlugins(directives(text)).map(({ plugin, directives: own }) => plugin.parse(own, SCOPE));
}
