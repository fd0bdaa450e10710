// Pods that ask cluster DNS all the time, and what became of their queries.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { launcher, type TestCluster } from '#test/support/cluster.ts';
import type { LoadMode, LoadResult } from '#test/support/dns-load.ts';

export interface DnsLoad {
  /** A pod of the namespace default, in whose network the queries begin. */
  readonly pod: string;
  readonly server: string;
  readonly mode: LoadMode;
  readonly perSecond: number;
}

const program = join(import.meta.dirname, 'dns-load.ts');
const NAME = 'kubernetes.default.svc.cluster.local';
/** Until all clients have asked for a while. */
const WARM_UP_MS = 1500;

/** Runs `work` while the pods ask; resolves with what each of them got, in order, once every query has ended. */
export async function whileAsking(
  { name, dataDir }: TestCluster,
  loads: readonly DnsLoad[],
  work: () => Promise<void>,
): Promise<(LoadResult & DnsLoad)[]> {
  const cluster = ['--name', name, '--data-dir', dataDir];
  const clients = loads.map(({ pod, server, mode, perSecond }) => {
    const words = [process.execPath, program, server, mode, String(perSecond), NAME];
    const client = spawn(launcher, ['enter', `pod/default/${pod}`, ...cluster, '--', ...words]);
    const ended = Promise.all([text(client.stdout), text(client.stderr), once(client, 'exit')]);
    return { client, ended };
  });
  try {
    await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
    await work();
  } finally {
    for (const { client } of clients) client.stdin.end();
  }
  return Promise.all(
    clients.map(async ({ ended }, i) => {
      const [stdout, stderr, [code]] = await ended;
      if (code !== 0) throw new Error(`client ${i} ended with ${code}: ${stderr}`);
      return { ...(loads[i] as DnsLoad), ...(JSON.parse(stdout) as LoadResult) };
    }),
  );
}
