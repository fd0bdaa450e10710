import { type CellsOf, cells, nameOf, objectAge } from '#api/machinery/cells.ts';
import type { ClusterRoleBinding, RoleBinding } from '#api/rbac/v1.gen.ts';

function binding(object: RoleBinding | ClusterRoleBinding, nowMs: number): unknown[] {
  const names = (kind: string) =>
    (object.subjects ?? [])
      .filter((subject) => subject.kind === kind)
      .map(({ namespace, name }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name))
      .join(', ');
  return [
    nameOf(object),
    `${object.roleRef.kind}/${object.roleRef.name}`,
    objectAge(object, nowMs),
    names('User'),
    names('Group'),
    names('ServiceAccount'),
  ];
}

export const rbacCells: Readonly<Record<string, CellsOf>> = {
  'rbac.authorization.k8s.io/RoleBinding': cells<RoleBinding>(binding),
  'rbac.authorization.k8s.io/ClusterRoleBinding': cells<ClusterRoleBinding>(binding),
};
