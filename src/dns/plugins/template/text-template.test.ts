import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseTemplate, type TemplateData, TemplateError } from './text-template.ts';

const DATA: TemplateData = {
  fields: {
    Name: 'ip-10-0-0-1.example.',
    Zone: 'example.',
    Class: 'IN',
    Type: 'A',
    Remote: '192.0.2.9',
    'Question.Name': 'IP.',
  },
  match: ['ip-10-0-0-1.example.', '10', 'ff'],
  groups: { 0: 'ip-10-0-0-1.example.', 1: '10', 2: 'ff', a: '10' },
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
