/** Keeps a Lease renewed: the sign of life of a node or of a holder. */
import type { Lease } from '#api/coordination/v1.gen.ts';
import { formatMicroTime } from '#api/machinery/time.ts';
import type { OwnerReference } from '#api/meta/v1.gen.ts';
import type { ApiClient } from './client.ts';
import { isAlreadyExists, isConflict, isNotFound, pause } from './errors.ts';
import { LEASES } from './resources.ts';

export interface LeaseOptions {
  client: ApiClient;
  namespace: string;
  name: string;
  holderIdentity: string;
  /** Without a renewal for so long the holder counts as gone. Default 40. */
  leaseDurationSeconds?: number | undefined;
  /** Default a quarter of the duration. */
  renewIntervalMs?: number | undefined;
  ownerReferences?: OwnerReference[] | undefined;
  signal: AbortSignal;
  /** Told of each failed renewal; the next comes after the interval, or sooner after a conflict. */
  onError?: ((error: Error) => void) | undefined;
}

/** Renews until the signal fires; then resolves. Creates the Lease when it is missing. */
export async function keepLease(options: LeaseOptions): Promise<void> {
  const { leaseDurationSeconds = 40, signal } = options;
  const intervalMs = options.renewIntervalMs ?? (leaseDurationSeconds * 1000) / 4;
  let held: Lease | undefined;
  while (!signal.aborted) {
    try {
      held = await renewLease(options, held);
    } catch (error) {
      held = undefined;
      if (signal.aborted) return;
      if (!isConflict(error)) options.onError?.(error as Error);
    }
    await pause(held === undefined ? Math.min(1000, intervalMs) : intervalMs, signal).catch(() => undefined);
  }
}

/** One renewal, on top of the Lease as it was last seen; without `known` it is read first. */
export async function renewLease(options: LeaseOptions, known?: Lease): Promise<Lease> {
  const { client, namespace, name, signal } = options;
  const current = known ?? (await readLease(options));
  if (current !== undefined) {
    return client.update(LEASES, renewed(current, options), { signal });
  }
  const { ownerReferences } = options;
  const fresh: Lease = { metadata: { namespace, name, ...(ownerReferences && { ownerReferences }) } };
  return client.create(LEASES, renewed(fresh, options), { signal }).catch((error: unknown) => {
    if (isAlreadyExists(error)) return renewLease(options);
    throw error;
  });
}

async function readLease({ client, namespace, name, signal }: LeaseOptions): Promise<Lease | undefined> {
  return client.get(LEASES, { namespace, name }, { signal }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
}

function renewed(lease: Lease, { holderIdentity, leaseDurationSeconds = 40 }: LeaseOptions): Lease {
  const now = formatMicroTime(Date.now());
  const same = lease.spec?.holderIdentity === holderIdentity;
  const taken = { acquireTime: now, leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + 1 };
  return {
    ...lease,
    spec: {
      ...lease.spec,
      ...(same || lease.spec?.holderIdentity === undefined ? {} : taken),
      holderIdentity,
      leaseDurationSeconds,
      renewTime: now,
    },
  };
}
