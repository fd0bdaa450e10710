// A dual-stack cluster with pods to ask its DNS from, and a world whose name server knows example.org.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { ApiClient } from '#kube/client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { ENDPOINT_SLICES, PODS } from '#kube/resources.ts';
import { launcher, run, startCluster, type TestCluster } from '#test/support/cluster.ts';
import { until } from '#test/support/until.ts';

const fixtures = join(import.meta.dirname, '../fixtures/dns-judges');
/** Of the kind that systemd-resolved has. */
const RESOLVER = '127.0.0.53';
/** How many addresses `crowd` and `crowd.example.org` have. */
export const CROWD = 100;
const crowd = (prefix: string): string[] => Array.from({ length: CROWD }, (_, i) => `${prefix}.${i + 1}`);

export interface JudgeCluster extends AsyncDisposable {
  /** Runs a shell script in a pod; what it printed for each line that begins with `== `, a line each, sorted. */
  ask(pod: string, queries: ReadonlyMap<string, string>): Map<string, string[]>;
}

/**
 * Call it in a namespace of the test's own: /etc/resolv.conf becomes another one. `programs` are compiled C programs that
 * pods find in /programs.
 */
export async function startJudgeCluster(kubectl: string, musl: boolean): Promise<JudgeCluster> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.adopt(mkdtempSync(join(tmpdir(), 'portolan-judges-')), (path) =>
    rmSync(path, { recursive: true, force: true }),
  );
  if (musl) {
    const source = join(fixtures, 'look-up.c');
    execFileSync('musl-gcc', ['-static', '-O1', '-o', join(folder, 'musl-look-up'), source]);
  }
  stack.defer(await startWorld(folder));
  const objects = join(folder, 'objects.yaml');
  writeFileSync(objects, readFileSync(join(fixtures, 'objects.yaml'), 'utf8').replaceAll('PROGRAMS', folder));
  const cluster = stack.use(startCluster('--nodes', '2', '--ip-family', 'dual', '--file', objects));
  await readyClients(cluster);
  const owned = stack.move();
  return {
    ask(pod, queries) {
      const script = [...queries].map(([label, command]) => `echo '== ${label}'; ${command}`).join('\n');
      const words = ['exec', pod, '--', 'sh', '-c', script];
      const { stdout, stderr } = run(kubectl, words, {
        env: { KUBECONFIG: cluster.kubeconfig, HOME: folder },
      });
      const answers = stdout.split(/^== /m).slice(1);
      if (answers.length !== queries.size) throw new Error(`kubectl exec ${pod}: ${stderr}${stdout}`);
      return new Map(
        answers.map((text): [string, string[]] => {
          const [label = '', ...lines] = text.trimEnd().split('\n');
          return [label, lines.filter((line) => line !== '').toSorted()];
        }),
      );
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The name server of the world, and this machine's resolv.conf that names it. Returns how to end it. */
async function startWorld(folder: string): Promise<() => Promise<void>> {
  const hosts = ['198.51.100.7 host.example.org', '2001:db8::7 host.example.org'];
  const many = crowd('203.0.113').map((address) => `${address} crowd.example.org`);
  writeFileSync(join(folder, 'hosts'), [...hosts, ...many, ''].join('\n'));
  // Whoever walks a search path to its end asks for names that the whole world does not know.
  const world = `example.org {\n bind ${RESOLVER}\n hosts ${folder}/hosts\n}\n`;
  const corefile = `${world}. {\n bind ${RESOLVER}\n template ANY ANY {\n  rcode NXDOMAIN\n }\n}\n`;
  writeFileSync(join(folder, 'Corefile'), corefile);
  const resolver: ChildProcess = spawn(launcher, ['dns', '--conf', join(folder, 'Corefile')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await new Promise<void>((resolve, reject) => {
    let said = '';
    resolver.stderr?.on('data', (piece: Buffer) => {
      said += String(piece);
      if (said.includes('serving on')) resolve();
    });
    resolver.once('exit', () => reject(new Error(`the name server of the world: ${said}`)));
  });
  writeFileSync(join(folder, 'resolv.conf'), `nameserver ${RESOLVER}\n`);
  execFileSync('mount', ['--bind', join(folder, 'resolv.conf'), '/etc/resolv.conf']);
  return async () => {
    execFileSync('umount', ['--lazy', '/etc/resolv.conf']);
    const ended = once(resolver, 'exit');
    resolver.kill('SIGKILL');
    await ended;
  };
}

async function readyClients(cluster: TestCluster): Promise<void> {
  using client = new ApiClient(await loadKubeconfig({ path: cluster.kubeconfig }));
  const slice: EndpointSlice = {
    metadata: {
      namespace: 'default',
      name: 'crowd-4',
      labels: { 'kubernetes.io/service-name': 'crowd' },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 80 }],
    endpoints: crowd('10.244.10').map((address) => ({ addresses: [address], conditions: { ready: true } })),
  };
  await client.create(ENDPOINT_SLICES, slice);
  await until(
    'the clients',
    () => client.list(PODS, { namespace: 'default' }),
    ({ items }) => items.length === 4 && items.every(({ status }) => status?.phase === 'Running'),
  );
}
