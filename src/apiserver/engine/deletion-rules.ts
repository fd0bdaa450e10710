import type { KubeObject } from '#api/machinery/object.ts';

// How kinds end. Everything not named here is deleted at once, leaves its dependents to the
// garbage collector, and is answered with a Status.

/** The answer to a delete is the object itself. */
const RETURNS_OBJECT = new Set([
  'pods',
  'services',
  'serviceaccounts',
  'podtemplates',
  'resourcequotas',
  'persistentvolumes',
  'persistentvolumeclaims',
]);

/** Dependents are orphaned unless the request says otherwise. */
const ORPHANS_BY_DEFAULT = new Set(['replicationcontrollers', 'jobs.batch']);

export function returnsDeletedObject(resource: string): boolean {
  return RETURNS_OBJECT.has(resource);
}

export function orphansByDefault(resource: string): boolean {
  return ORPHANS_BY_DEFAULT.has(resource);
}

/**
 * How many seconds an object has after a delete, `requested` being what the client asked for;
 * undefined for kinds that end at once. A pod gets what its spec says, and none when it has ended
 * or never had a node.
 */
export function gracePeriod(
  resource: string,
  object: KubeObject,
  requested: number | undefined,
): number | undefined {
  if (resource !== 'pods') return undefined;
  const { spec, status } = object as {
    spec?: { nodeName?: string; terminationGracePeriodSeconds?: number };
    status?: { phase?: string };
  };
  if (!spec?.nodeName || status?.phase === 'Succeeded' || status?.phase === 'Failed') return 0;
  const seconds = requested ?? spec.terminationGracePeriodSeconds ?? 30;
  return seconds < 0 ? 1 : seconds;
}

/** Bookkeeping of kinds with a life of their own when a delete begins; changes `object`. */
export function markTerminating(resource: string, object: KubeObject): void {
  if (resource !== 'namespaces') return;
  const namespace = object as { status?: { phase?: string } };
  namespace.status = { ...namespace.status, phase: 'Terminating' };
}

/** Namespaces end when their content has; no time is set for that. */
export function keepsGracePeriod(resource: string): boolean {
  return resource !== 'namespaces';
}

/** The first delete of a namespace only marks it, also when nothing keeps it. */
export function endsInTwoSteps(resource: string): boolean {
  return resource === 'namespaces';
}
