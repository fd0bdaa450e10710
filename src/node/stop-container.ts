/** Ends one container as kubelet does: preStop hook, SIGTERM, SIGKILL. */
import type { Container } from '#api/core/v1.gen.ts';
import { runCheck } from './check.ts';
import type { RunningContainer } from './running-container.ts';

export interface StopOptions {
  container: Container;
  running: RunningContainer;
  address: string;
  graceMs: number;
  event: (type: 'Normal' | 'Warning', reason: string, message: string) => void;
  message: string;
}

/** After a preStop hook that took all the time, so much is left for the program. */
const MIN_GRACE_MS = 2000;

/** Resolves when the container has ended. */
export async function stopContainer(options: StopOptions): Promise<void> {
  const { container, running, graceMs, event, message } = options;
  event('Normal', 'Killing', message);
  const begunMs = Date.now();
  if (container.lifecycle?.preStop && graceMs > 0) await runPreStop(options);
  const spentMs = Date.now() - begunMs;
  const leftMs = spentMs === 0 ? graceMs : Math.max(graceMs - spentMs, Math.min(graceMs, MIN_GRACE_MS));
  if (leftMs > 0) running.kill(stopSignal(container));
  const timer = setTimeout(() => running.kill('SIGKILL'), leftMs);
  await running.exited;
  clearTimeout(timer);
}

async function runPreStop({ container, running, address, graceMs, event }: StopOptions): Promise<void> {
  const hook = container.lifecycle?.preStop ?? {};
  const late = new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), graceMs).unref());
  if (hook.sleep) {
    const slept = new Promise((resolve) => setTimeout(resolve, (hook.sleep?.seconds ?? 0) * 1000).unref());
    await Promise.race([slept, late, running.exited]);
    return;
  }
  const result = await Promise.race([
    runCheck(hook, { container, running, address }, graceMs),
    late,
    running.exited,
  ]);
  if (result === 'late')
    event('Warning', 'FailedPreStopHook', 'PreStopHook failed: the grace period is over');
  else if ('ok' in result && !result.ok)
    event('Warning', 'FailedPreStopHook', `PreStopHook failed: ${result.message}`);
}

const stopSignal = (container: Container): NodeJS.Signals =>
  (container.lifecycle?.stopSignal ?? 'SIGTERM') as NodeJS.Signals;
