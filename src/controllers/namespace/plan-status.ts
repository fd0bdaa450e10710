/** What a namespace being deleted tells about its progress. Pure. */
import type { NamespaceCondition, NamespaceStatus } from '#api/core/v1.gen.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { formatTime } from '#api/machinery/time.ts';

/** What emptying a namespace came to. */
export interface Remains {
  /** Objects left, by resource name such as `pods.` or `deployments.apps`. */
  objects: Map<string, KubeObject[]>;
  discoveryFailure: string | undefined;
  deletionFailures: string[];
}

interface Row {
  type: string;
  /** What is wrong; undefined: nothing. */
  trouble: string | undefined;
  /** Reasons for trouble and for none. */
  reasons: readonly [string, string];
  /** The message when nothing is wrong. */
  fine: string;
}

/** The five conditions of a namespace that is going. */
export function planConditions(
  status: NamespaceStatus | undefined,
  remains: Remains,
  nowMs: number,
): NamespaceCondition[] {
  return rowsOf(remains).map(({ type, trouble, reasons, fine }) => {
    const value = trouble === undefined ? 'False' : 'True';
    const known = status?.conditions?.find((condition) => condition.type === type);
    return {
      type,
      status: value,
      reason: reasons[trouble === undefined ? 1 : 0],
      message: trouble ?? fine,
      lastTransitionTime: known?.status === value ? known.lastTransitionTime : formatTime(nowMs),
    };
  });
}

function rowsOf({ discoveryFailure, deletionFailures, objects }: Remains): Row[] {
  const failures = deletionFailures.join(', ');
  return [
    {
      type: 'NamespaceDeletionDiscoveryFailure',
      trouble: discoveryFailure && `Discovery failed for some groups: ${discoveryFailure}`,
      reasons: ['DiscoveryFailed', 'ResourcesDiscovered'],
      fine: 'All resources successfully discovered',
    },
    {
      type: 'NamespaceDeletionGroupVersionParsingFailure',
      trouble: undefined,
      reasons: ['GroupVersionParsingFailed', 'ParsedGroupVersions'],
      fine: 'All legacy kube types successfully parsed',
    },
    {
      type: 'NamespaceDeletionContentFailure',
      trouble:
        deletionFailures.length > 0
          ? `Failed to delete all resource types, ${deletionFailures.length} remaining: ${failures}`
          : undefined,
      reasons: ['ContentDeletionFailed', 'ContentDeleted'],
      fine: 'All content successfully deleted, may be waiting on finalization',
    },
    {
      type: 'NamespaceContentRemaining',
      trouble: contentsOf(objects),
      reasons: ['SomeResourcesRemain', 'ContentRemoved'],
      fine: 'All content successfully removed',
    },
    {
      type: 'NamespaceFinalizersRemaining',
      trouble: finalizersOf(objects),
      reasons: ['SomeFinalizersRemain', 'ContentHasNoFinalizers'],
      fine: 'All content-preserving finalizers finished',
    },
  ];
}

function contentsOf(objects: Remains['objects']): string | undefined {
  const parts = [...objects].map(([resource, left]) => `${resource} has ${left.length} resource instances`);
  return parts.length === 0 ? undefined : `Some resources are remaining: ${parts.toSorted().join(', ')}`;
}

function finalizersOf(objects: Remains['objects']): string | undefined {
  const counts = new Map<string, number>();
  for (const finalizer of [...objects.values()]
    .flat()
    .flatMap((object) => object.metadata?.finalizers ?? [])) {
    counts.set(finalizer, (counts.get(finalizer) ?? 0) + 1);
  }
  if (counts.size === 0) return undefined;
  const parts = [...counts].map(([name, count]) => `${name} in ${count} resource instances`);
  return `Some content in the namespace has finalizers remaining: ${parts.toSorted().join(', ')}`;
}
