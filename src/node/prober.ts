/** Runs one probe of a container over and over and counts its results. */
import type { Probe } from '#api/core/v1.gen.ts';
import { pause } from '#kube/errors.ts';
import type { CheckResult } from './check.ts';

export interface ProberOptions {
  probe: Probe;
  check: (timeoutMs: number) => Promise<CheckResult>;
  /** The threshold of successes or failures was reached; told again only when it turns. */
  onTurn: (ok: boolean) => void;
  /** A single failure: the Unhealthy event. */
  onFailure: (result: CheckResult) => void;
  signal: AbortSignal;
}

/** While a program starts nobody listens yet: looked at again after so long, doubling, without counting. */
const EARLY_RETRY_MS = 25;

/** Probes at once (after initialDelaySeconds), then each period, until the signal fires. */
export async function runProber({ probe, check, onTurn, onFailure, signal }: ProberOptions): Promise<void> {
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  const needed = { true: probe.successThreshold ?? 1, false: probe.failureThreshold ?? 3 };
  let standing: boolean | undefined;
  let count = 0;
  let last: boolean | undefined;
  let earlyMs = EARLY_RETRY_MS;
  try {
    await pause((probe.initialDelaySeconds ?? 0) * 1000, signal);
    while (!signal.aborted) {
      const result = await check(timeoutMs);
      if (signal.aborted) return;
      if (result.refused && last === undefined && earlyMs < periodMs) {
        await pause(earlyMs, signal);
        earlyMs *= 2;
        continue;
      }
      count = result.ok === last ? count + 1 : 1;
      last = result.ok;
      if (!result.ok) onFailure(result);
      if (count >= needed[`${result.ok}`] && standing !== result.ok) {
        standing = result.ok;
        onTurn(result.ok);
      }
      await pause(periodMs, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
