/** How many pods a Deployment may have too many and too few while it rolls out. */
import type { Deployment } from '#api/apps/v1.gen.ts';
import { resolveIntOrPercent } from '#controllers/shared/int-or-percent.ts';

export function isRolling(deployment: Deployment): boolean {
  return deployment.spec.strategy?.type !== 'Recreate';
}

/** Pods above `replicas`; 0 with Recreate. */
export function maxSurgeOf(deployment: Deployment): number {
  if (!isRolling(deployment)) return 0;
  const { replicas = 1, strategy } = deployment.spec;
  return resolveIntOrPercent(strategy?.rollingUpdate?.maxSurge ?? '25%', replicas, 'up');
}

/** Pods below `replicas`; never more than there are, and 1 when nothing could move otherwise. */
export function maxUnavailableOf(deployment: Deployment): number {
  const { replicas = 1, strategy } = deployment.spec;
  if (!isRolling(deployment) || replicas === 0) return 0;
  const asked = resolveIntOrPercent(strategy?.rollingUpdate?.maxUnavailable ?? '25%', replicas, 'down');
  const unavailable = asked === 0 && maxSurgeOf(deployment) === 0 ? 1 : asked;
  return Math.min(unavailable, replicas);
}
