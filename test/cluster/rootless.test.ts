// The same cluster for an ordinary user: as whoever runs this test, and as uid 65534 where that is root.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { launcher, type RunResult, run } from '#test/support/cluster.ts';
import { hostState, processesNaming } from '#test/support/host-state.ts';

const NOBODY = 65534;
const folder = mkdtempSync(join(tmpdir(), 'portolan-rootless-'));
const examples = join(import.meta.dirname, '../../examples');
const isRoot = process.getuid?.() === 0;
const asUser = isRoot ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];

/** Home, caches and data of the user's own: nothing that root made is in the way. */
function portolan(...words: string[]): RunResult {
  const [program, ...args] = [...asUser, launcher, ...words, '--name', 'rootless'];
  const own = { HOME: folder, XDG_DATA_HOME: join(folder, 'data'), XDG_CACHE_HOME: join(folder, 'cache') };
  return run(program, args, { env: own });
}

describe('an ordinary user', () => {
  if (isRoot) chownSync(folder, NOBODY, NOBODY);
  chmodSync(folder, 0o755);
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('brings a cluster up with all examples, and down, and the host is as it was', async () => {
    const before = hostState();
    const up = portolan('up', '--detach', '-f', examples);
    assert.equal(up.status, 0, up.stderr);
    try {
      assert.deepEqual(hostState(), before);
      const { stdout } = portolan('status', '-o', 'json');
      const { nodes, published } = JSON.parse(stdout) as {
        nodes: { hostAddress: string }[];
        published: { nodePort: number }[];
      };
      assert.equal(nodes.length, 3);
      assert.deepEqual(
        published.map(({ nodePort }) => nodePort),
        [30080, 30900],
      );
      const response = await answerOf(`http://${nodes[0]?.hostAddress}:30080/`);
      assert.match(response, /"pod": "web-/);
    } finally {
      const down = portolan('down');
      assert.equal(down.status, 0, down.stderr);
    }
    assert.deepEqual(processesNaming(folder), []);
    assert.deepEqual(hostState(), before);
  });
});

/** The pods may be on their way still. */
async function answerOf(url: string): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
      return await response.text();
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
