import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Service } from '#api/core/v1.gen.ts';
import { decodeJson, decodeYaml } from './decode.ts';
import { kindFor } from './kinds.ts';
import { StatusError } from './status-error.ts';

const services = kindFor('', 'v1', 'services');
assert.ok(services);
const SERVICE = services;

function message(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error));
    assert.equal(error.code, 400);
    return error.message;
  }
  return assert.fail('nothing was thrown');
}

const UNKNOWN =
  '{"metadata":{"name":"a"},"spec":{"foo":1,"ports":[{"port":80,"bar":2}]},"metadata":{"name":"b"}}';

test('decodeJson() warns of unknown and duplicate fields and drops them', () => {
  const { object, warnings } = decodeJson<Service>(UNKNOWN, SERVICE);
  assert.deepEqual(warnings, [
    'unknown field "spec.ports[0].bar"',
    'unknown field "spec.foo"',
    'duplicate field "metadata"',
  ]);
  assert.equal(object.metadata?.name, 'b');
  assert.deepEqual(Object.keys(object.spec ?? {}), ['ports']);
});

test('decodeJson() refuses unknown and duplicate fields when validation is Strict', () => {
  assert.equal(
    message(() => decodeJson(UNKNOWN, SERVICE, { fieldValidation: 'Strict' })),
    'Service in version "v1" cannot be handled as a Service: strict decoding error: unknown field "spec.ports[0].bar", unknown field "spec.foo", duplicate field "metadata"',
  );
});

test('decodeJson() says nothing when validation is Ignore', () => {
  assert.deepEqual(decodeJson(UNKNOWN, SERVICE, { fieldValidation: 'Ignore' }).warnings, []);
});

test('decodeJson() fills in apiVersion and kind that the body leaves out', () => {
  const { object } = decodeJson('{"metadata":{"name":"a"}}', SERVICE);
  assert.equal(`${object.apiVersion} ${object.kind}`, 'v1 Service');
});

const REFUSED: readonly [string, RegExp][] = [
  ['{"apiVersion":"v2","kind":"Service"}', /API version in the data \(v2\) does not match .* \(v1\)/],
  ['{"apiVersion":"v1","kind":"Pod"}', /Pod in version "v1" cannot be handled as a Service/],
  ['{"kind":7}', /cannot unmarshal number into Go struct field \.kind of type string/],
  ['[]', /cannot unmarshal array/],
  ['{"a":', /unexpected end of JSON input/],
  ['{"a" 1}', /invalid character '1' after object key/],
  [
    '{"spec":{"ports":[{"port":"80"}]}}',
    /cannot unmarshal string into Go struct field ServicePort\.spec\.ports\.port of type int32/,
  ],
  [
    '{"spec":{"ports":{}}}',
    /cannot unmarshal object into Go struct field ServiceSpec\.spec\.ports of type \[\]v1\.ServicePort/,
  ],
  ['{"spec":[]}', /cannot unmarshal array into Go struct field Service\.spec of type v1\.ServiceSpec/],
  ['{"spec":{"type":1}}', /of type v1\.ServiceType/],
  [
    '{"spec":{"selector":{"a":1}}}',
    /cannot unmarshal number into Go struct field ServiceSpec\.spec\.selector\.a of type string/,
  ],
  ['{"spec":{"selector":[]}}', /of type map\[string\]string/],
  ['{"spec":{"publishNotReadyAddresses":"yes"}}', /cannot unmarshal string .* of type bool/],
  ['{"spec":{"healthCheckNodePort":1.5}}', /cannot unmarshal number 1\.5 .* of type int32/],
  ['{"spec":{"healthCheckNodePort":3000000000}}', /cannot unmarshal number 3000000000 .* of type int32/],
  ['{"metadata":{"creationTimestamp":"yesterday"}}', /parsing time "yesterday"/],
  ['{"metadata":{"creationTimestamp":5}}', /cannot unmarshal number .* of type string/],
];
for (const [text, expected] of REFUSED) {
  test(`decodeJson() refuses ${text}`, () =>
    assert.match(
      message(() => decodeJson(text, SERVICE)),
      expected,
    ));
}

test('decodeJson() takes null as absent, and as empty text within maps and lists', () => {
  const { object } = decodeJson<Service>(
    '{"spec":{"type":null,"selector":{"a":null},"externalIPs":[null]}}',
    SERVICE,
  );
  assert.deepEqual(object.spec, { selector: { a: '' }, externalIPs: [''] });
});

test('decodeJson() throws nothing but StatusError on any text', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json().map((text) => `{"spec":${text}}`),
      ),
      (text) => {
        try {
          decodeJson(text, SERVICE);
        } catch (error) {
          assert.ok(error instanceof StatusError, String(error));
        }
      },
    ),
  );
});

test('decodeYaml() reads YAML and finds duplicate and unknown fields', async () => {
  const text = 'metadata:\n  name: a\n  name: b\nspec:\n  foo: 22:22\n  ports:\n  - port: 80\n';
  const { object, warnings } = await decodeYaml<Service>(text, SERVICE);
  assert.deepEqual(warnings, ['unknown field "spec.foo"', 'duplicate field "metadata.name"']);
  assert.equal(object.spec?.ports?.[0]?.port, 80);
});

test('decodeYaml() refuses what is no YAML and what is no object', async () => {
  await assert.rejects(decodeYaml('a: ]', SERVICE), /error converting YAML to JSON/);
  await assert.rejects(decodeYaml('', SERVICE), /cannot unmarshal/);
});
