/**
 * The kinds that Portolan's components read and write, each with the facts a client needs to build its
 * path and the TypeScript type of its objects.
 */
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from '#api/apps/v1.gen.ts';
import type { HorizontalPodAutoscaler } from '#api/autoscaling/v2.gen.ts';
import type { CronJob, Job } from '#api/batch/v1.gen.ts';
import type { Lease } from '#api/coordination/v1.gen.ts';
import type {
  ConfigMap,
  Endpoints,
  Event,
  Namespace,
  Node,
  PersistentVolumeClaim,
  Pod,
  ReplicationController,
  Secret,
  Service,
  ServiceAccount,
} from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import type { Ingress, IngressClass, IPAddress, NetworkPolicy, ServiceCIDR } from '#api/networking/v1.gen.ts';
import type { PodDisruptionBudget } from '#api/policy/v1.gen.ts';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '#api/rbac/v1.gen.ts';

/** One kind of objects at one version; `T` is the type of its objects. */
export interface Resource<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  group: string;
  version: string;
  kind: string;
  /** The name in paths, for example `endpointslices`. */
  plural: string;
  namespaced: boolean;
  /** Never set: carries the type of the objects. */
  readonly objectType?: T;
}

/** Names one object; `namespace` is absent for kinds without namespaces. */
export interface ObjectKey {
  namespace?: string | undefined;
  name: string;
}

/** Describes a kind that has no constant below, for example of a custom resource. */
export function resource<T extends KubeObject>(
  group: string,
  version: string,
  kind: string,
  plural: string,
  namespaced: boolean,
): Resource<T> {
  return { group, version, kind, plural, namespaced };
}

export const PODS: Resource<Pod> = resource('', 'v1', 'Pod', 'pods', true);
export const SERVICES: Resource<Service> = resource('', 'v1', 'Service', 'services', true);
export const ENDPOINTS: Resource<Endpoints> = resource('', 'v1', 'Endpoints', 'endpoints', true);
export const NAMESPACES: Resource<Namespace> = resource('', 'v1', 'Namespace', 'namespaces', false);
export const NODES: Resource<Node> = resource('', 'v1', 'Node', 'nodes', false);
export const CONFIG_MAPS: Resource<ConfigMap> = resource('', 'v1', 'ConfigMap', 'configmaps', true);
export const SECRETS: Resource<Secret> = resource('', 'v1', 'Secret', 'secrets', true);
export const SERVICE_ACCOUNTS: Resource<ServiceAccount> = resource(
  '',
  'v1',
  'ServiceAccount',
  'serviceaccounts',
  true,
);
export const EVENTS: Resource<Event> = resource('', 'v1', 'Event', 'events', true);
export const PERSISTENT_VOLUME_CLAIMS: Resource<PersistentVolumeClaim> = resource(
  '',
  'v1',
  'PersistentVolumeClaim',
  'persistentvolumeclaims',
  true,
);
export const REPLICATION_CONTROLLERS: Resource<ReplicationController> = resource(
  '',
  'v1',
  'ReplicationController',
  'replicationcontrollers',
  true,
);
export const ENDPOINT_SLICES: Resource<EndpointSlice> = resource(
  'discovery.k8s.io',
  'v1',
  'EndpointSlice',
  'endpointslices',
  true,
);
export const LEASES: Resource<Lease> = resource('coordination.k8s.io', 'v1', 'Lease', 'leases', true);
export const DEPLOYMENTS: Resource<Deployment> = resource('apps', 'v1', 'Deployment', 'deployments', true);
export const REPLICA_SETS: Resource<ReplicaSet> = resource('apps', 'v1', 'ReplicaSet', 'replicasets', true);
export const STATEFUL_SETS: Resource<StatefulSet> = resource(
  'apps',
  'v1',
  'StatefulSet',
  'statefulsets',
  true,
);
export const DAEMON_SETS: Resource<DaemonSet> = resource('apps', 'v1', 'DaemonSet', 'daemonsets', true);
export const CONTROLLER_REVISIONS: Resource<ControllerRevision> = resource(
  'apps',
  'v1',
  'ControllerRevision',
  'controllerrevisions',
  true,
);
export const JOBS: Resource<Job> = resource('batch', 'v1', 'Job', 'jobs', true);
export const CRON_JOBS: Resource<CronJob> = resource('batch', 'v1', 'CronJob', 'cronjobs', true);
export const HORIZONTAL_POD_AUTOSCALERS: Resource<HorizontalPodAutoscaler> = resource(
  'autoscaling',
  'v2',
  'HorizontalPodAutoscaler',
  'horizontalpodautoscalers',
  true,
);
export const POD_DISRUPTION_BUDGETS: Resource<PodDisruptionBudget> = resource(
  'policy',
  'v1',
  'PodDisruptionBudget',
  'poddisruptionbudgets',
  true,
);
export const NETWORK_POLICIES: Resource<NetworkPolicy> = resource(
  'networking.k8s.io',
  'v1',
  'NetworkPolicy',
  'networkpolicies',
  true,
);
export const INGRESSES: Resource<Ingress> = resource('networking.k8s.io', 'v1', 'Ingress', 'ingresses', true);
export const INGRESS_CLASSES: Resource<IngressClass> = resource(
  'networking.k8s.io',
  'v1',
  'IngressClass',
  'ingressclasses',
  false,
);
export const SERVICE_CIDRS: Resource<ServiceCIDR> = resource(
  'networking.k8s.io',
  'v1',
  'ServiceCIDR',
  'servicecidrs',
  false,
);
export const IP_ADDRESSES: Resource<IPAddress> = resource(
  'networking.k8s.io',
  'v1',
  'IPAddress',
  'ipaddresses',
  false,
);
const RBAC = 'rbac.authorization.k8s.io';
export const ROLES: Resource<Role> = resource(RBAC, 'v1', 'Role', 'roles', true);
export const ROLE_BINDINGS: Resource<RoleBinding> = resource(RBAC, 'v1', 'RoleBinding', 'rolebindings', true);
export const CLUSTER_ROLES: Resource<ClusterRole> = resource(
  RBAC,
  'v1',
  'ClusterRole',
  'clusterroles',
  false,
);
export const CLUSTER_ROLE_BINDINGS: Resource<ClusterRoleBinding> = resource(
  RBAC,
  'v1',
  'ClusterRoleBinding',
  'clusterrolebindings',
  false,
);

/** `v1` for the core group, otherwise `group/version`. */
export function apiVersionOf(kind: Resource): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}

/** Undoes `keyOf()` of `#api/machinery/object.ts`. */
export function parseKey(key: string): ObjectKey {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The path of a collection, of an object or of a subresource. */
export function pathOf(kind: Resource, namespace?: string, name?: string, subresource?: string): string {
  let path = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  if (kind.namespaced && namespace) path += `/namespaces/${encodeURIComponent(namespace)}`;
  path += `/${kind.plural}`;
  if (name !== undefined) path += `/${encodeURIComponent(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}
