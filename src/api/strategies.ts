// Which kinds have behaviour of their own. Every other kind of the schema is stored and served generically.
import { serviceStrategy } from './core/service.ts';
import type { KindInfo } from './machinery/kinds.ts';
import { type AnyParts, parts } from './machinery/strategy-parts.ts';
import { rbacStrategy } from './rbac/roles.ts';

const BY_KIND: Readonly<Record<string, AnyParts>> = {
  '/Service': parts(serviceStrategy),
  'rbac.authorization.k8s.io/Role': rbacStrategy,
  'rbac.authorization.k8s.io/RoleBinding': rbacStrategy,
  'rbac.authorization.k8s.io/ClusterRole': rbacStrategy,
  'rbac.authorization.k8s.io/ClusterRoleBinding': rbacStrategy,
};

/** The parts of a kind's strategy that are its own; {} for kinds without behaviour. */
export function partsFor(kind: KindInfo): AnyParts {
  return BY_KIND[`${kind.group}/${kind.kind}`] ?? {};
}
