import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseTemplate, type TemplateData, TemplateError } from './text-template.ts';

const DATA: TemplateData = {
  root: {
    Name: 'ip-10-0-0-1.example.',
    Zone: 'example.',
    Class: 'IN',
    Type: 'A',
    Remote: '192.0.2.9',
    Match: ['ip-10-0-0-1.example.', '10', 'ff'],
    Group: { 0: 'ip-10-0-0-1.example.', 1: '10', 2: 'ff', a: '10' },
    Question: { Name: 'IP.', Qtype: 1, Qclass: 1 },
    Message: { Id: 7, RecursionDesired: true, Question: [{ Name: 'IP.' }] },
  },
  meta: (name) => (name === 'kubernetes/client-namespace' ? 'harbor' : undefined),
};

for (const [text, result] of [
  ['{{ .Name }} 60 IN A', 'ip-10-0-0-1.example. 60 IN A'],
  ['{{.Zone}}{{ .Question.Name }}', 'example.IP.'],
  ['{{ .Group.a }}.{{ index .Match 1 }}.{{ index .Group "a" }}', '10.10.10'],
  ['{{ .Meta "kubernetes/client-namespace" }}{{ .Meta "none" }}', 'harbor'],
  ['{{ parseInt .Group.a 10 8 }} {{ parseInt (index .Match 2) 16 8 }}', '10 255'],
  ['{{ printf "%s-%03d-%x" .Type 7 255 }}', 'A-007-ff'],
  ['{{ .Type | printf "<%s>" }}', '<A>'],
  ['{{ if eq .Type "A" }}four{{ else }}six{{ end }}', 'four'],
  ['{{ if and (eq .Class "CH") (eq .Type "A") }}x{{ else }}y{{ end }}', 'y'],
  ['a {{- .Class -}} b', 'aINb'],
  ['{{/* nothing */}}x', 'x'],
  ['{{ if eq .Type "B" }}b{{ else if eq .Type "A" }}a{{ else }}c{{ end }}', 'a'],
  ['{{ range $i, $m := .Match }}{{ $i }}={{ $m }};{{ end }}', '0=ip-10-0-0-1.example.;1=10;2=ff;'],
  ['{{ range $m := .Match }}{{ $m }};{{ end }}', 'ip-10-0-0-1.example.;10;ff;'],
  ['{{ range .Group }}{{ . }};{{ end }}', 'ip-10-0-0-1.example.;10;ff;10;'],
  ['{{ range 3 }}{{ . }}{{ $.Type }}{{ end }}', '0A1A2A'],
  ['{{ range .Group.none }}x{{ else }}none{{ end }}', 'none'],
  ['{{ with .Question }}{{ .Name }} {{ .Qtype }}{{ end }}', 'IP. 1'],
  ['{{ with .Group.none }}x{{ else with .Class }}{{ . }}{{ end }}', 'IN'],
  ['{{ $x := .Name }}{{ $y := 1 }}{{ if $x }}{{ $y = 2 }}{{ end }}{{ $x }}{{ $y }}', 'ip-10-0-0-1.example.2'],
  ['{{ if .Message.RecursionDesired }}{{ len .Message.Question }}{{ end }}', '1'],
  ['{{ .Group.none }}', '<no value>'],
  ['{{ slice .Name 0 2 }}{{ slice .Name 3 }}', 'ip10-0-0-1.example.'],
  ['{{ print 1 2 "x" "y" 3 }}{{ println "z" }}', '1 2xy3z\n'],
  ['{{ lt 1 2 }} {{ le 2 2 }} {{ gt 1 2 }} {{ ge "b" "a" }} {{ ne 1 1 }}', 'true true false true false'],
  [
    '{{ html "<a>" }} {{ urlquery "a b" }} {{ printf "%-4s|%q|%X" "ab" "c" 255 }}',
    '&lt;a&gt; a+b ab  |"c"|FF',
  ],
  ['{{ index .Message.Question 0 | len }} {{ len "äb" }}', '1 3'],
] as const) {
  test(`parseTemplate() fills ${text}`, () => {
    assert.equal(parseTemplate(text)(DATA), result);
  });
}

for (const text of [
  '{{ .Nope }}',
  '{{ .Name',
  '{{ if .Name }}x',
  '{{ end }}',
  '{{ unknown 1 }}',
  '{{ index }}',
  '{{ .Name .Zone }}',
  '{{ $x }}',
  '{{ $x = 1 }}',
  '{{ if .Name }}{{ $x := 1 }}{{ end }}{{ $x }}',
  '{{ range $a, $b, $c := .Match }}{{ end }}',
  '{{ range .Match }}',
  '{{ if .Name }}{{ else }}{{ else }}{{ end }}',
  '{{ template "x" }}',
]) {
  test(`parseTemplate() refuses ${text}`, () => {
    assert.throws(() => parseTemplate(text), TemplateError);
  });
}

test('parseTemplate() fails the query for a group that is not there, as Go does', () => {
  assert.throws(() => parseTemplate('{{ index .Match 9 }}')(DATA), TemplateError);
});

test('parseTemplate() throws nothing but TemplateError', () => {
  const piece = fc.constantFrom(
    '{{',
    '}}',
    ' .Name ',
    '(',
    ')',
    '|',
    'if ',
    'end',
    'index ',
    '"',
    '1',
    '.Match',
    'else',
    'eq ',
    'range ',
    'with ',
    '$x',
    ':=',
    'else if ',
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      try {
        parseTemplate(pieces.join(''))(DATA);
      } catch (error) {
        assert.ok(error instanceof TemplateError, String(error));
      }
    }),
  );
});
