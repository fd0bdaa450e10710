import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ConfigMap, Pod, Secret, Volume } from '#api/core/v1.gen.ts';
import { applyVolumeFiles } from './apply-volume-files.ts';
import { planVolumeFiles, type VolumeFiles, VolumeNotReady, volumeProjections } from './plan-volume-files.ts';

const facts = { nodeName: 'n', hostIps: [], podIps: [], allocatable: { cpu: '2' } };
const pod: Pod = {
  metadata: { name: 'p', namespace: 'ns', labels: { a: 'b' } },
  spec: { serviceAccountName: 'sa', containers: [{ name: 'c' }] },
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const maps: Record<string, ConfigMap> = {
  cm: { data: { one: '1', two: '2' }, binaryData: { bin: base64('b') } },
};
const secrets: Record<string, Secret> = { s: { data: { key: base64('word') } } };
const sources = {
  configMap: (name: string) => maps[name],
  secret: (name: string) => secrets[name],
  token: (audience: string) => (audience === 'known' ? 'jwt' : undefined),
};

function plan(volume: Omit<Volume, 'name'>): Record<string, string> {
  const projections = volumeProjections({ name: 'v', ...volume });
  assert.ok(projections);
  const files = planVolumeFiles(pod, projections, sources, facts);
  return Object.fromEntries(
    [...files].map(([path, { content, mode }]) => [path, `${content.toString()} ${mode.toString(8)}`]),
  );
}

test('planVolumeFiles() takes all keys, or the items chosen with their modes', () => {
  assert.deepEqual(plan({ configMap: { name: 'cm' } }), { one: '1 644', two: '2 644', bin: 'b 644' });
  assert.deepEqual(
    plan({
      configMap: {
        name: 'cm',
        defaultMode: 0o400,
        items: [
          { key: 'one', path: 'x/y' },
          { key: 'bin', path: 'b', mode: 0o600 },
        ],
        optional: true,
      },
    }),
    { 'x/y': '1 400', b: 'b 600' },
  );
  assert.deepEqual(plan({ secret: { secretName: 's', defaultMode: 0o440 } }), { key: 'word 440' });
  assert.deepEqual(plan({ secret: { secretName: 'none', optional: true } }), {});
});

test('planVolumeFiles() projects several sources into one directory', () => {
  const files = plan({
    projected: {
      sources: [
        { configMap: { name: 'cm', items: [{ key: 'one', path: 'one' }], optional: true } },
        { secret: { name: 's' } },
        {
          downwardAPI: {
            items: [
              { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
              { path: 'cpu', resourceFieldRef: { containerName: 'c', resource: 'limits.cpu' } },
            ],
          },
        },
        { serviceAccountToken: { audience: 'known', path: 'token' } },
      ],
    },
  });
  assert.deepEqual(files, {
    one: '1 644',
    key: 'word 644',
    labels: 'a="b" 644',
    cpu: '2 644',
    token: 'jwt 644',
  });
});

test('planVolumeFiles() names what is not there', () => {
  const cases: [Omit<Volume, 'name'>, RegExp][] = [
    [{ configMap: { name: 'none' } }, /^configmap "none" not found$/],
    [{ configMap: { name: 'cm', items: [{ key: 'x', path: 'x' }] } }, /non-existent config key: x/],
    [{ secret: { secretName: 'none' } }, /^secret "none" not found$/],
    [
      { projected: { sources: [{ serviceAccountToken: { path: 't' } }] } },
      /failed to fetch token for ns\/sa/,
    ],
    [
      { projected: { sources: [{ clusterTrustBundle: { path: 't' } }] } },
      /clusterTrustBundle is not implemented/,
    ],
    [{ downwardAPI: { items: [{ path: 'x', fieldRef: { fieldPath: 'nonsense' } }] } }, /no value for x/],
  ];
  for (const [volume, message] of cases) {
    assert.throws(
      () => plan(volume),
      (error: unknown) => error instanceof VolumeNotReady && message.test(error.message),
    );
  }
  assert.equal(volumeProjections({ name: 'v', emptyDir: {} }), undefined);
});

test('applyVolumeFiles() swaps all files at once and does nothing when they are the same', () => {
  const directory = mkdtempSync(join(tmpdir(), 'portolan-volume-'));
  try {
    const files = (entries: Record<string, string>): VolumeFiles =>
      new Map(
        Object.entries(entries).map(([path, text]) => [path, { content: Buffer.from(text), mode: 0o640 }]),
      );
    assert.equal(applyVolumeFiles(directory, files({ a: '1', 'd/b': '2' })), true);
    const first = readlinkSync(join(directory, '..data'));
    assert.equal(readlinkSync(join(directory, 'a')), '..data/a');
    assert.equal(readFileSync(join(directory, 'd/b'), 'utf8'), '2');
    assert.equal(statSync(join(directory, 'a')).mode & 0o777, 0o640);
    assert.equal(applyVolumeFiles(directory, files({ a: '1', 'd/b': '2' })), false);
    assert.equal(applyVolumeFiles(directory, files({ a: '3' })), true);
    assert.notEqual(readlinkSync(join(directory, '..data')), first);
    assert.deepEqual(
      readdirSync(directory).sort(),
      [readlinkSync(join(directory, '..data')), '..data', 'a'].sort(),
    );
    assert.equal(readFileSync(join(directory, 'a'), 'utf8'), '3');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
