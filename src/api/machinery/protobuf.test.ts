import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { toCanonical } from './canonical.ts';
import { withoutNulls } from './equal.ts';
import { typeOfGvk } from './kinds.ts';
import { splitApiVersion } from './object.ts';
import { decodeProtobuf, encodeProtobuf, encodeWatchFrame, openEnvelope, ProtobufError } from './protobuf.ts';

interface Vector {
  name: string;
  mediaType: string;
  type: string;
  json: { apiVersion: string; kind: string } & {
    type?: string;
    object?: { apiVersion: string; kind: string };
  };
  hex: string;
}
// Written by upstream's own marshaller.
const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../test/fixtures/protobuf-vectors.json'), 'utf8'),
) as Vector[];
const objects = vectors.filter(({ mediaType }) => !mediaType.endsWith('stream=watch'));
const frames = vectors.filter(({ mediaType }) => mediaType.endsWith('stream=watch'));

assert.ok(objects.length > 20 && frames.length > 0);

for (const { name, type, json, hex } of objects) {
  test(`protobuf of upstream decodes to its JSON and encodes to the same bytes: ${name}`, () => {
    const decoded = decodeProtobuf(Buffer.from(hex, 'hex'));
    assert.ok(decoded);
    const canonical = toCanonical(type, decoded);
    assert.deepEqual(withoutNulls(canonical), withoutNulls(toCanonical(type, json)));
    assert.equal(Buffer.from(encodeProtobuf(json, type)).toString('hex'), hex);
  });
}

for (const { name, json, hex } of frames) {
  test(`encodeWatchFrame() writes upstream's bytes: ${name}`, () => {
    const object = json.object;
    assert.ok(object);
    const { group, version } = splitApiVersion(object.apiVersion);
    const type = typeOfGvk(group, version, object.kind) ?? '';
    const frame = encodeWatchFrame(json.type ?? '', encodeProtobuf(object, type));
    assert.equal(Buffer.from(frame).toString('hex'), hex);
  });
}

test('decodeProtobuf() gives undefined for bytes without envelope and for kinds that are not known', () => {
  assert.equal(decodeProtobuf(Buffer.from('{}')), undefined);
  const unknown = encodeProtobuf({ apiVersion: 'example.com/v1', kind: 'Widget' }, 'core/v1.ConfigMap');
  assert.equal(decodeProtobuf(unknown), undefined);
  assert.equal(openEnvelope(unknown)?.kind, 'Widget');
});

test('decodeProtobuf() takes the expected kind when the envelope names none', () => {
  const bytes = encodeProtobuf({ metadata: { name: 'a' } }, 'core/v1.ConfigMap');
  const decoded = decodeProtobuf(bytes, { apiVersion: 'v1', kind: 'ConfigMap' });
  assert.equal(decoded?.['kind'], 'ConfigMap');
});

test('decodeProtobuf() throws nothing but ProtobufError on damaged bytes', () => {
  fc.assert(
    fc.property(fc.constantFrom(...objects), fc.nat(), fc.nat(255), fc.nat(), ({ hex }, at, byte, cut) => {
      const bytes = Buffer.from(hex, 'hex');
      bytes[4 + (at % (bytes.length - 4))] = byte;
      try {
        decodeProtobuf(bytes.subarray(0, 4 + (cut % bytes.length)));
      } catch (error) {
        assert.ok(error instanceof ProtobufError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
