/** The roles and bindings that every cluster starts with; names and rights are upstream's. */
import type { KubeObject } from '#api/machinery/object.ts';
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from '#api/rbac/v1.gen.ts';
import { COMPONENT_ROLES } from './bootstrap-component-roles.ts';
import { CONTROLLER_RULES } from './bootstrap-controller-roles.ts';
import { allow, type NamedRules, READ } from './bootstrap-rules.ts';
import { USER_ROLES } from './bootstrap-user-roles.ts';
import { effectiveRules, RBAC_GROUP } from './plan-rbac.ts';

const API_VERSION = `${RBAC_GROUP}/v1`;
const CONTROLLER_MANAGER = user('system:kube-controller-manager');
const SCHEDULER = user('system:kube-scheduler');

const CLUSTER_BINDINGS: Readonly<Record<string, readonly Subject[]>> = {
  'cluster-admin': [group('system:masters')],
  'system:basic-user': [group('system:authenticated')],
  'system:discovery': [group('system:authenticated')],
  'system:public-info-viewer': [group('system:authenticated'), group('system:unauthenticated')],
  'system:monitoring': [group('system:monitoring')],
  // Instead of upstream's Node authorizer: every node has the rights of any node.
  'system:node': [group('system:nodes')],
  'system:node-proxier': [user('system:kube-proxy')],
  'system:kube-dns': [serviceAccount('kube-dns')],
  'system:kube-scheduler': [SCHEDULER, CONTROLLER_MANAGER],
  'system:volume-scheduler': [SCHEDULER, CONTROLLER_MANAGER],
  'system:kube-controller-manager': [CONTROLLER_MANAGER],
  'system:service-account-issuer-discovery': [group('system:serviceaccounts')],
};

const NAMESPACE_ROLES: readonly (NamedRules & { namespace: string; subjects: readonly Subject[] })[] = [
  {
    namespace: 'kube-system',
    name: 'extension-apiserver-authentication-reader',
    rules: [allow(READ, 'core', 'configmaps', 'extension-apiserver-authentication')],
    subjects: [CONTROLLER_MANAGER, SCHEDULER],
  },
  leaderLock('kube-controller-manager', CONTROLLER_MANAGER),
  leaderLock('kube-scheduler', SCHEDULER),
  {
    namespace: 'kube-system',
    name: 'system:controller:bootstrap-signer',
    rules: [allow(READ, 'core', 'secrets')],
    subjects: [serviceAccount('bootstrap-signer')],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:token-cleaner',
    rules: [
      allow(`delete ${READ}`, 'core', 'secrets'),
      allow('create patch update', 'core events.k8s.io', 'events'),
    ],
    subjects: [serviceAccount('token-cleaner')],
  },
  {
    namespace: 'kube-public',
    name: 'system:controller:bootstrap-signer',
    rules: [allow(READ, 'core', 'configmaps'), allow('update', 'core', 'configmaps', 'cluster-info')],
    subjects: [serviceAccount('bootstrap-signer')],
  },
];

/** All of them, ready to be created in this order; what exists already is left as it is. */
export function bootstrapObjects(): KubeObject[] {
  const clusterRoles = [...USER_ROLES, ...COMPONENT_ROLES, ...controllerRoles()].map(clusterRole);
  const withRules = clusterRoles.map((role) => ({
    ...role,
    rules: [...effectiveRules(role, clusterRoles)],
  }));
  const clusterBindings = Object.entries(CLUSTER_BINDINGS).map(([name, subjects]) =>
    clusterRoleBinding(name, subjects),
  );
  // Upstream's controllers each have an identity of their own; ours share the controller manager's.
  const controllerBindings = Object.keys(CONTROLLER_RULES).map((name) =>
    clusterRoleBinding(`system:controller:${name}`, [serviceAccount(name), CONTROLLER_MANAGER]),
  );
  return [
    ...withRules,
    ...clusterBindings,
    ...controllerBindings,
    ...NAMESPACE_ROLES.map(role),
    ...NAMESPACE_ROLES.map(({ name, namespace, subjects }) => roleBinding(name, namespace, subjects)),
  ];
}

function controllerRoles(): NamedRules[] {
  return Object.entries(CONTROLLER_RULES).map(([name, rules]) => ({
    name: `system:controller:${name}`,
    rules,
  }));
}

function leaderLock(name: string, subject: Subject): NamedRules & { namespace: string; subjects: Subject[] } {
  return {
    namespace: 'kube-system',
    name: `system::leader-locking-${name}`,
    rules: [allow('watch', 'core', 'configmaps'), allow('get update', 'core', 'configmaps', name)],
    subjects: [subject],
  };
}

function clusterRole({ name, rules, labels, aggregates }: NamedRules): ClusterRole {
  return {
    apiVersion: API_VERSION,
    kind: 'ClusterRole',
    metadata: metadata(name, labels),
    ...(aggregates !== undefined && {
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [aggregates]: 'true' } }] },
    }),
    rules: copyRules(rules),
  };
}

function role({ name, namespace, rules }: NamedRules): Role {
  return {
    apiVersion: API_VERSION,
    kind: 'Role',
    metadata: { ...metadata(name), namespace },
    rules: copyRules(rules),
  };
}

function clusterRoleBinding(name: string, subjects: readonly Subject[]): ClusterRoleBinding {
  return {
    apiVersion: API_VERSION,
    kind: 'ClusterRoleBinding',
    metadata: metadata(name),
    roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name },
    subjects: [...subjects],
  };
}

function roleBinding(name: string, namespace: string, subjects: readonly Subject[]): RoleBinding {
  return {
    apiVersion: API_VERSION,
    kind: 'RoleBinding',
    metadata: { ...metadata(name), namespace },
    roleRef: { apiGroup: RBAC_GROUP, kind: 'Role', name },
    subjects: [...subjects],
  };
}

function metadata(name: string, labels: Readonly<Record<string, string>> = {}) {
  return {
    name,
    annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
  };
}

function copyRules(rules: readonly PolicyRule[]): PolicyRule[] {
  return structuredClone(rules) as PolicyRule[];
}

function user(name: string): Subject {
  return { apiGroup: RBAC_GROUP, kind: 'User', name };
}

function group(name: string): Subject {
  return { apiGroup: RBAC_GROUP, kind: 'Group', name };
}

function serviceAccount(name: string): Subject {
  return { kind: 'ServiceAccount', name, namespace: 'kube-system' };
}
