import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeJson } from '#api/machinery/decode.ts';
import { fieldErrorText } from '#api/machinery/field-error.ts';
import { kindFor } from '#api/machinery/kinds.ts';
import { ipAddressStrategy } from './service-cidr.ts';
import type { IPAddress } from './v1.gen.ts';

const KIND = kindFor('networking.k8s.io', 'v1', 'ipaddresses');

function findings(parentRef: unknown): string[] {
  assert.ok(KIND);
  const { object } = decodeJson<IPAddress>(JSON.stringify({ spec: { parentRef } }), KIND);
  return (ipAddressStrategy.validate?.(object) ?? []).map(fieldErrorText);
}

test('an IPAddress names the resource and the object that it belongs to', () => {
  assert.deepEqual(findings({ resource: 'services', name: 'web', namespace: 'a' }), []);
  assert.deepEqual(findings({ namespace: 'a' }), [
    'spec.parentRef.resource: Required value',
    'spec.parentRef.name: Required value',
  ]);
  assert.deepEqual(findings(undefined), ['spec.parentRef: Required value']);
});
