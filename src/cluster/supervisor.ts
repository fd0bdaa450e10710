import type { Socket } from 'node:net';
import { buryOrphans } from '#os/orphans.ts';
import type { ApplyItem } from './apply-objects.ts';
import { Cluster } from './cluster.ts';
import { type ClusterConfig, ClusterError } from './config.ts';
import { serveControl } from './control.ts';
import { type Front, type FrontEvent, type FrontRequest, openFront } from './front.ts';
import { reserveState } from './reserve-state.ts';
import { traceStart } from './trace-start.ts';

type UserFront = Front<FrontRequest, FrontEvent>;

/**
 * The main flow of a cluster's process: it is told what to bring up over the socket of whoever started it, brings it
 * up, and ends it when asked to. Resolves to the exit code.
 */
export async function supervise(socket: Socket): Promise<number> {
  const front: UserFront = openFront(socket);
  front.send({ kind: 'hello' });
  const requests = front.incoming;
  const first = await requests.next();
  if (first.done || first.value.kind !== 'start') return 1;
  traceStart('supervisor', 'told what to bring up');
  const end = Promise.withResolvers<ClusterError | undefined>();
  void followFront(requests, () => end.resolve(undefined));
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => end.resolve(undefined));
  try {
    const { config, hostPid, items } = first.value;
    const failure = await runCluster(config, hostPid, items, front, end);
    if (failure !== undefined) throw failure;
    front.send({ kind: 'ending' });
    return 0;
  } catch (error) {
    console.error(error);
    front.send({ kind: 'failed', message: (error as Error).message });
    await new Promise<void>((resolve) => socket.end(() => resolve()));
    return 1;
  }
}

/** Brings the cluster up and keeps it until `end` resolves, with an error when the cluster broke. */
async function runCluster(
  config: ClusterConfig,
  hostPid: number,
  items: readonly ApplyItem[],
  front: UserFront,
  end: PromiseWithResolvers<ClusterError | undefined>,
): Promise<ClusterError | undefined> {
  // The lock, the ports, the settings: what fails here has changed nothing.
  using state = reserveState(config);
  using orphans = buryOrphans();
  void orphans;
  traceStart('supervisor', 'has its ports');
  await using cluster = new Cluster(config, state, {
    hostPid,
    onProgress: (step, done) => front.send({ kind: 'progress', step, done }),
    onBroken: (error) => end.resolve(error),
    onChange: () => {
      if (cluster.phase === 'ready') front.send({ kind: 'status', status: cluster.status() });
    },
  });
  const control = await serveControl(state.paths.controlSocket, {
    status: () => cluster.status(),
    enter: (target) => cluster.enter(target),
    killPart: (name) => cluster.killPart(name),
    down: (answered) => void answered.then(() => end.resolve(undefined)),
  });
  const ready = cluster.bringUp(items).then(() => {
    traceStart('supervisor', 'ready');
    front.send({ kind: 'ready', status: cluster.status() });
  });
  ready.catch((error: unknown) => {
    end.resolve(
      error instanceof ClusterError ? error : new ClusterError((error as Error).message, { cause: error }),
    );
  });
  const failure = await end.promise;
  control.close();
  return failure;
}

/** The end of a front that did not detach is the end of the cluster. */
async function followFront(requests: UserFront['incoming'], stop: () => void): Promise<void> {
  let detached = false;
  for (;;) {
    const { done, value } = await requests.next();
    if (done) break;
    if (value.kind === 'detach') detached = true;
    if (value.kind === 'down') stop();
  }
  if (!detached) stop();
}
