/** The three probes of a running container and what they lead to. */
import type { Container, Probe } from '#api/core/v1.gen.ts';
import { type CheckResult, runCheck } from './check.ts';
import { runProber } from './prober.ts';
import type { RunningContainer } from './running-container.ts';

export interface ContainerProbesOptions {
  container: Container;
  running: RunningContainer;
  address: string;
  signal: AbortSignal;
  onStarted: () => void;
  onReady: (ready: boolean) => void;
  /** A liveness or startup probe failed for good: the container has to be restarted. */
  onDead: (kind: 'liveness' | 'startup', probe: Probe) => void;
  /** `Liveness probe failed: …` */
  onUnhealthy: (message: string) => void;
}

/** Starts the probes; without a readiness probe a started container is ready. Ends with the signal. */
export function startProbes(options: ContainerProbesOptions): void {
  const { startupProbe, livenessProbe, readinessProbe } = options.container;
  const afterStart = (): void => {
    options.onStarted();
    if (!readinessProbe) options.onReady(true);
    else run(options, 'Readiness', readinessProbe, options.onReady);
    if (livenessProbe)
      run(options, 'Liveness', livenessProbe, (ok) => !ok && options.onDead('liveness', livenessProbe));
  };
  if (!startupProbe) {
    afterStart();
    return;
  }
  const done = new AbortController();
  const signal = AbortSignal.any([options.signal, done.signal]);
  run({ ...options, signal }, 'Startup', startupProbe, (ok) => {
    done.abort();
    if (ok) afterStart();
    else options.onDead('startup', startupProbe);
  });
}

function run(
  options: ContainerProbesOptions,
  kind: string,
  probe: Probe,
  onTurn: (ok: boolean) => void,
): void {
  const { container, running, address, signal, onUnhealthy } = options;
  const onFailure = ({ message }: CheckResult): void => onUnhealthy(`${kind} probe failed: ${message}`);
  const check = (timeoutMs: number): Promise<CheckResult> =>
    runCheck(probe, { container, running, address }, timeoutMs);
  void runProber({ probe, check, onTurn, onFailure, signal });
}
