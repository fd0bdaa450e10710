import type { Node } from '#api/core/v1.gen.ts';
import { NONE, nameOf, objectAge, orNone } from '#api/machinery/cells.ts';

const ROLE_PREFIX = 'node-role.kubernetes.io/';
const ROLE_LABEL = 'kubernetes.io/role';

/** NAME STATUS ROLES AGE VERSION, wide: addresses, operating system, kernel, runtime. */
export function nodeCells(node: Node, nowMs: number): unknown[] {
  const info = node.status?.nodeInfo;
  const kernel = info?.kernelVersion ?? '';
  return [
    nameOf(node),
    statusText(node),
    rolesText(node),
    objectAge(node, nowMs),
    info?.kubeletVersion ?? '',
    addressOf(node, 'InternalIP'),
    addressOf(node, 'ExternalIP'),
    info?.osImage || '<unknown>',
    kernel === '' ? '<unknown>' : withArchitecture(kernel, info?.architecture),
    info?.containerRuntimeVersion || '<unknown>',
  ];
}

function withArchitecture(kernel: string, architecture: string | undefined): string {
  return architecture ? `${kernel} (${architecture})` : kernel;
}

function statusText(node: Node): string {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  let text = 'Unknown';
  if (ready !== undefined) text = ready.status === 'True' ? 'Ready' : 'NotReady';
  return node.spec?.unschedulable ? `${text},SchedulingDisabled` : text;
}

function rolesText(node: Node): string {
  const roles = Object.entries(node.metadata?.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(ROLE_PREFIX)) return [key.slice(ROLE_PREFIX.length)];
    return key === ROLE_LABEL && value !== '' ? [value] : [];
  });
  return orNone(
    roles
      .filter((role) => role !== '')
      .sort()
      .join(','),
  );
}

function addressOf(node: Node, type: string): string {
  return node.status?.addresses?.find((address) => address.type === type)?.address ?? NONE;
}
