/** Cluster roles for people: cluster-admin, the aggregated admin, edit and view, and what everybody may do. */
import { allow, allowPaths, type NamedRules, READ, WRITE } from './bootstrap-rules.ts';

const AGGREGATE_TO = 'rbac.authorization.k8s.io/aggregate-to-';

const APPS = 'daemonsets deployments deployments/scale replicasets replicasets/scale';
const APPS_STATUS = 'daemonsets/status deployments/status replicasets/status';

const VIEW_RULES = [
  allow(
    READ,
    'core',
    'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status',
  ),
  allow(
    READ,
    'core',
    'bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status',
  ),
  // Within a namespace this is the right to read that namespace.
  allow(READ, 'core', 'namespaces'),
  allow(READ, 'discovery.k8s.io', 'endpointslices'),
  allow(
    READ,
    'apps',
    `controllerrevisions ${APPS} ${APPS_STATUS} statefulsets statefulsets/scale statefulsets/status`,
  ),
  allow(READ, 'autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status'),
  allow(READ, 'batch', 'cronjobs cronjobs/status jobs jobs/status'),
  allow(
    READ,
    'extensions',
    `${APPS} ${APPS_STATUS} ingresses ingresses/status networkpolicies replicationcontrollers/scale`,
  ),
  allow(READ, 'policy', 'poddisruptionbudgets poddisruptionbudgets/status'),
  allow(READ, 'networking.k8s.io', 'ingresses ingresses/status networkpolicies'),
  allow(READ, 'resource.k8s.io', 'resourceclaims resourceclaims/status resourceclaimtemplates'),
];

const EDIT_RULES = [
  // Also to read these is to be able to act with them.
  allow(READ, 'core', 'pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy'),
  allow('impersonate', 'core', 'serviceaccounts'),
  allow(WRITE, 'core', 'pods pods/attach pods/exec pods/portforward pods/proxy'),
  allow('create', 'core', 'pods/eviction'),
  allow(
    WRITE,
    'core',
    'configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy',
  ),
  allow('create', 'core', 'serviceaccounts/token'),
  allow(WRITE, 'apps', `${APPS} deployments/rollback statefulsets statefulsets/scale`),
  allow(WRITE, 'autoscaling', 'horizontalpodautoscalers'),
  allow(WRITE, 'batch', 'cronjobs jobs'),
  allow(
    WRITE,
    'extensions',
    `${APPS} deployments/rollback ingresses networkpolicies replicationcontrollers/scale`,
  ),
  allow(WRITE, 'policy', 'poddisruptionbudgets'),
  allow(WRITE, 'networking.k8s.io', 'ingresses networkpolicies'),
  allow(`${READ} ${WRITE}`, 'coordination.k8s.io', 'leases'),
  allow(WRITE, 'resource.k8s.io', 'resourceclaims resourceclaimtemplates'),
];

const ADMIN_RULES = [
  allow('create', 'authorization.k8s.io', 'localsubjectaccessreviews'),
  allow(`${READ} ${WRITE}`, 'rbac.authorization.k8s.io', 'rolebindings roles'),
];

const HEALTH_AND_VERSION = '/healthz /livez /readyz /version /version/';

export const USER_ROLES: readonly NamedRules[] = [
  { name: 'cluster-admin', rules: [allow('*', '*', '*'), allowPaths('*', '*')] },
  { name: 'admin', rules: [], aggregates: `${AGGREGATE_TO}admin` },
  {
    name: 'edit',
    rules: [],
    aggregates: `${AGGREGATE_TO}edit`,
    labels: { [`${AGGREGATE_TO}admin`]: 'true' },
  },
  { name: 'view', rules: [], aggregates: `${AGGREGATE_TO}view`, labels: { [`${AGGREGATE_TO}edit`]: 'true' } },
  { name: 'system:aggregate-to-admin', labels: { [`${AGGREGATE_TO}admin`]: 'true' }, rules: ADMIN_RULES },
  { name: 'system:aggregate-to-edit', labels: { [`${AGGREGATE_TO}edit`]: 'true' }, rules: EDIT_RULES },
  { name: 'system:aggregate-to-view', labels: { [`${AGGREGATE_TO}view`]: 'true' }, rules: VIEW_RULES },
  {
    name: 'system:basic-user',
    rules: [
      allow('create', 'authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews'),
      allow('create', 'authentication.k8s.io', 'selfsubjectreviews'),
    ],
  },
  {
    name: 'system:discovery',
    rules: [
      allowPaths(
        'get',
        '/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/',
      ),
    ],
  },
  { name: 'system:public-info-viewer', rules: [allowPaths('get', HEALTH_AND_VERSION)] },
  {
    name: 'system:monitoring',
    rules: [
      allowPaths('get', '/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*'),
    ],
  },
  {
    name: 'system:service-account-issuer-discovery',
    rules: [
      allowPaths(
        'get',
        '/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/',
      ),
    ],
  },
];
