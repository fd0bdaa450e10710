import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ClusterError } from './config.ts';
import {
  dataHome,
  makeStateDir,
  nextSettings,
  readNeighbours,
  readSettings,
  statePaths,
  writeSettings,
} from './state-dir.ts';

const ASKED = { ipFamily: undefined, apiPort: 6443, proxyPort: 1080 };

describe('settings of a cluster', () => {
  const root = mkdtempSync(join(tmpdir(), 'portolan-state-'));
  const paths = statePaths(join(root, 'blue'));
  makeStateDir(paths);
  after(() => rmSync(root, { recursive: true }));

  it('are undefined for a new cluster', () => assert.equal(readSettings(paths), undefined));

  it('come back as they were written', () => {
    const settings = nextSettings('blue', undefined, ASKED, new Set());
    writeSettings(paths, settings);
    assert.deepEqual(readSettings(paths), settings);
    assert.equal(settings.ipFamily, 'ipv4');
  });

  it('keep family and loopback network whatever is not asked for again', () => {
    const kept = readSettings(paths);
    assert.ok(kept);
    const next = nextSettings('blue', kept, { ...ASKED, apiPort: 7000 }, new Set([kept.loopbackNet]));
    assert.deepEqual(next, { ...kept, apiPort: 7000 });
  });

  it('refuse another family than that of the Services there are', () => {
    assert.throws(
      () => nextSettings('blue', readSettings(paths), { ...ASKED, ipFamily: 'ipv6' }, new Set()),
      /was made with --ip-family ipv4/,
    );
  });

  it('of other clusters reserve their ports and loopback networks', () => {
    const green = statePaths(join(root, 'green'));
    makeStateDir(green);
    writeSettings(green, { ...nextSettings('green', undefined, ASKED, new Set()), apiPort: 6444 });
    const { ports, loopbackNets } = readNeighbours(paths);
    assert.ok(ports.has(6444) && ports.has(1080) && loopbackNets.size === 1);
  });

  it('of a newer layout are refused in one line that names the directory', () => {
    writeFileSync(paths.settings, JSON.stringify({ version: 99 }));
    assert.throws(
      () => readSettings(paths),
      (error: unknown) =>
        error instanceof ClusterError && error.message.startsWith(`${paths.dir} was written by a newer`),
    );
  });

  it('that are damaged are refused with the file’s name', () => {
    writeFileSync(paths.settings, '{');
    assert.throws(() => readSettings(paths), new RegExp(`^ClusterError: ${paths.settings}: `));
  });
});

describe('dataHome()', () => {
  it('follows XDG_DATA_HOME, else HOME; a relative XDG_DATA_HOME does not count', () => {
    assert.equal(dataHome({ XDG_DATA_HOME: '/d', HOME: '/h' }), '/d/portolan');
    assert.equal(dataHome({ XDG_DATA_HOME: 'd', HOME: '/h' }), '/h/.local/share/portolan');
  });
});
