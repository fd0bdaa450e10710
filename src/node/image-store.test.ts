import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { ImageStore } from './image-store.ts';

const scratch = mkdtempSync(join(tmpdir(), 'portolan-images-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const store = new ImageStore(join(scratch, 'store'));

interface Entry {
  name: string;
  content?: string | Buffer;
  type?: string;
  link?: string;
}

/** A tar archive of entries, as hostile as the test wants it. */
function tar(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ name, content = '', type = '0', link = '' }) => {
    const body = Buffer.from(content);
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(type === '5' ? '0000755\0' : '0000644\0', 100);
    header.write('0000000\0', 108);
    header.write('0000000\0', 116);
    header.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write(type, 156);
    header.write(link, 157);
    header.write('ustar\x0000', 257);
    header.fill(32, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function file(name: string, content: Buffer): string {
  const path = join(scratch, name);
  writeFileSync(path, content);
  return path;
}

const layerOne = tar([
  { name: 'etc/', type: '5' },
  { name: 'etc/a', content: 'one' },
  { name: 'etc/b', content: 'two' },
  { name: 'opt/x', content: 'x' },
  { name: 'lib', type: '2', link: 'opt' },
]);
const layerTwo = tar([
  { name: 'etc/.wh.a' },
  { name: 'etc/b', content: 'new' },
  { name: 'lib/y', content: 'y' },
  { name: 'opt/.wh..wh..opq' },
  { name: 'opt/z', content: 'z' },
]);
const config = JSON.stringify({
  config: { Entrypoint: ['/app'], Cmd: ['serve'], Env: ['A=1'], WorkingDir: '/srv', User: '1000' },
});

test('load() unpacks a docker archive, layer over layer, whiteouts and links obeyed', async () => {
  const archive = file(
    'docker.tar',
    tar([
      {
        name: 'manifest.json',
        content: JSON.stringify([
          {
            Config: `${'c'.repeat(64)}.json`,
            RepoTags: ['team/app:1'],
            Layers: ['1/layer.tar', '2/layer.tar'],
          },
        ]),
      },
      { name: `${'c'.repeat(64)}.json`, content: config },
      { name: '1/layer.tar', content: gzipSync(layerOne) },
      { name: '2/layer.tar', content: layerTwo },
    ]),
  );
  const image = await store.load(archive);
  assert.equal(image.reference, 'docker.io/team/app:1');
  assert.equal(image.id, `sha256:${'c'.repeat(64)}`);
  assert.deepEqual(image.config, {
    entrypoint: ['/app'],
    cmd: ['serve'],
    env: ['A=1'],
    workingDir: '/srv',
    user: '1000',
  });
  const read = (path: string): string => readFileSync(join(image.root, path), 'utf8');
  assert.ok(!existsSync(join(image.root, 'etc/a')));
  assert.equal(read('etc/b'), 'new');
  assert.equal(readlinkSync(join(image.root, 'lib')), 'opt');
  assert.deepEqual([read('opt/z'), existsSync(join(image.root, 'opt/x'))], ['z', false]);
});

test('load() says what is wrong with manifests of any shape', async () => {
  const oneOf = (name: string, content: unknown): string =>
    file('wrong.tar', tar([{ name, content: JSON.stringify(content) }]));
  for (const [name, content, message] of [
    ['manifest.json', null, /manifest\.json must be a list/],
    ['manifest.json', [null], /each of manifest\.json must be an object/],
    ['manifest.json', [{ Layers: [] }], /Config in manifest\.json must be a text/],
    ['index.json', {}, /manifests in the index must be a list/],
    ['index.json', { manifests: [{ digest: 7 }] }, /a digest must be a text/],
    ['index.json', { manifests: [{ digest: 'sha256:x' }] }, /names blobs\/sha256\/x but does not hold it/],
  ] as const) {
    await assert.rejects(store.load(oneOf(name, content), { name: 'wrong:1' }), message);
  }
  const circle = {
    manifests: [{ digest: 'sha256:i', mediaType: 'application/vnd.oci.image.index.v1+json' }],
  };
  const content = JSON.stringify(circle);
  const archive = file(
    'circle.tar',
    tar([
      { name: 'index.json', content },
      { name: 'blobs/sha256/i', content },
    ]),
  );
  await assert.rejects(store.load(archive, { name: 'wrong:1' }), /lead to others more than/);
});

test('load() unpacks an OCI layout with zstd layers and takes names and words given', async () => {
  const layer = zstdCompressSync(layerOne);
  const index = {
    manifests: [
      { digest: 'sha256:m', platform: { architecture: process.arch === 'x64' ? 'amd64' : process.arch } },
      { digest: 'sha256:none', platform: { architecture: 's390x' } },
    ],
  };
  const archive = file(
    'oci.tar',
    tar([
      { name: 'oci-layout', content: '{}' },
      { name: 'index.json', content: JSON.stringify(index) },
      {
        name: 'blobs/sha256/m',
        content: JSON.stringify({ config: { digest: 'sha256:c' }, layers: [{ digest: 'sha256:l' }] }),
      },
      { name: 'blobs/sha256/c', content: config },
      { name: 'blobs/sha256/l', content: layer },
    ]),
  );
  await assert.rejects(store.load(archive), /does not say what its image is called/);
  const image = await store
    .load(archive, { name: 'Own:1' })
    .catch(() => store.load(archive, { name: 'own:1', entrypoint: ['/other'], env: ['B=2'], workdir: '/' }));
  assert.deepEqual(image.config, {
    entrypoint: ['/other'],
    cmd: [],
    env: ['A=1', 'B=2'],
    workingDir: '/',
    user: '1000',
  });
  assert.equal(store.resolve('own:1')?.id, 'sha256:c');
});

test('load() takes a directory and a plain tar as root file systems, replaces, lists and removes', async () => {
  const directory = join(scratch, 'rootfs');
  mkdirSync(join(directory, 'bin'), { recursive: true });
  writeFileSync(join(directory, 'bin/tool'), '#!', { mode: 0o755 });
  symlinkSync('tool', join(directory, 'bin/alias'));
  const first = await store.load(directory, { name: 'tool', entrypoint: ['/bin/tool'] });
  assert.equal(statSync(join(first.root, 'bin/tool')).mode & 0o777, 0o755);
  assert.equal(readlinkSync(join(first.root, 'bin/alias')), 'tool');
  const second = await store.load(file('plain.tar.gz', gzipSync(layerOne)), { name: 'tool' });
  assert.ok(!existsSync(first.root));
  assert.deepEqual(
    store
      .list()
      .map(({ reference }) => reference)
      .filter((name) => name.includes('tool')),
    ['docker.io/library/tool:latest'],
  );
  assert.equal(store.resolve('docker.io/library/tool')?.root, second.root);
  assert.equal(store.remove('tool'), true);
  assert.equal(store.remove('tool'), false);
  assert.ok(!existsSync(second.root));
});

test('load() reads an archive from a pipe', () => {
  const script = `const { ImageStore } = await import(${JSON.stringify(join(import.meta.dirname, 'image-store.ts'))});
    await new ImageStore(${JSON.stringify(join(scratch, 'piped'))}).load('/dev/stdin', { name: 'piped' });`;
  const { status, stderr } = spawnSync(
    'sh',
    [
      '-c',
      'cat "$0" | "$1" --input-type=module -e "$2"',
      file('pipe.tar', layerOne),
      process.execPath,
      script,
    ],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  assert.equal(new ImageStore(join(scratch, 'piped')).list().length, 1);
});

test('load() never writes outside, whatever the archive says, and leaves nothing of a failure', async () => {
  const outside = join(scratch, 'outside');
  mkdirSync(outside);
  const hostile: Entry[][] = [
    [{ name: '../../outside/evil', content: 'x' }],
    [{ name: 'x/../../../outside/evil', content: 'x' }],
    [
      { name: 'link', type: '2', link: outside },
      { name: 'link/evil', content: 'x' },
    ],
    [
      { name: 'link', type: '2', link: '../../outside' },
      { name: 'link/evil', content: 'x' },
    ],
    [
      { name: 'a', type: '2', link: 'b' },
      { name: 'b', type: '2', link: 'a' },
      { name: 'a/evil', content: 'x' },
    ],
    [{ name: 'hard', type: '1', link: '../../store/names' }],
    [{ name: '.wh.../../outside' }],
  ];
  for (const [index, entries] of hostile.entries()) {
    await store
      .load(file(`hostile-${index}.tar`, tar(entries)), { name: `hostile-${index}` })
      .catch(() => undefined);
    assert.deepEqual(
      [existsSync(outside), existsSync(join(outside, 'evil'))],
      [true, false],
      JSON.stringify(entries),
    );
  }
  const before = store.list().length;
  await assert.rejects(
    store.load(file('short.tar', layerOne.subarray(0, 700)), { name: 'short' }),
    /ends too early|ends in the middle/,
  );
  await assert.rejects(
    store.load(file('none.tar', Buffer.alloc(2048, 'x')), { name: 'none' }),
    /no tar archive/,
  );
  assert.equal(store.list().length, before);
});
