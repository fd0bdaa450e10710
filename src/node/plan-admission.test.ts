import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/core/v1.gen.ts';
import { planRefusal } from './plan-admission.ts';

test('planRefusal() refuses pods of another system, by label and by field', () => {
  const pod = (os?: string, label?: string): Pod => ({
    ...(label === undefined ? {} : { metadata: { labels: { 'kubernetes.io/os': label } } }),
    spec: { containers: [], ...(os === undefined ? {} : { os: { name: os } }) },
  });
  for (const each of [pod(), pod('linux'), pod(undefined, 'linux'), pod('linux', 'linux')])
    assert.equal(planRefusal(each), undefined);
  assert.deepEqual(planRefusal(pod('windows')), {
    reason: 'PodOSNotSupported',
    message: "Failed to admit pod as the OS field doesn't match node OS",
  });
  assert.deepEqual(planRefusal(pod('windows', 'windows')), {
    reason: 'PodOSSelectorNodeLabelDoesNotMatch',
    message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
  });
});
