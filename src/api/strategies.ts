// Which kinds have behaviour of their own. Every other kind of the schema is stored and served generically.
import { daemonSetStrategy } from './apps/daemon-set.ts';
import { deploymentStrategy } from './apps/deployment.ts';
import { replicaSetStrategy } from './apps/replica-set.ts';
import { statefulSetStrategy } from './apps/stateful-set.ts';
import { cronJobStrategy } from './batch/cron-job.ts';
import { jobStrategy } from './batch/job.ts';
import { leaseStrategy } from './coordination/lease.ts';
import { configMapStrategy } from './core/config-map.ts';
import { endpointsStrategy } from './core/endpoints.ts';
import { eventStrategy, groupEventStrategy } from './core/event.ts';
import { namespaceStrategy } from './core/namespace.ts';
import { nodeStrategy } from './core/node.ts';
import { podStrategy } from './core/pod.ts';
import { replicationControllerStrategy } from './core/replication-controller.ts';
import { secretStrategy } from './core/secret.ts';
import { serviceStrategy } from './core/service.ts';
import { endpointSliceStrategy } from './discovery/endpoint-slice.ts';
import type { KindInfo } from './machinery/kinds.ts';
import { type AnyParts, parts } from './machinery/strategy-parts.ts';
import { ingressStrategy } from './networking/ingress.ts';
import { ingressClassStrategy } from './networking/ingress-class.ts';
import { networkPolicyStrategy } from './networking/network-policy.ts';
import { ipAddressStrategy, serviceCidrStrategy } from './networking/service-cidr.ts';
import {
  conditionalStrategy,
  countedStrategy,
  podDisruptionBudgetStrategy,
  priorityClassStrategy,
} from './other-strategies.ts';
import {
  clusterRoleBindingStrategy,
  clusterRoleStrategy,
  roleBindingStrategy,
  roleStrategy,
} from './rbac/strategies.ts';

const BY_KIND: Readonly<Record<string, AnyParts>> = {
  '/ConfigMap': parts(configMapStrategy),
  '/Endpoints': parts(endpointsStrategy),
  '/Event': parts(eventStrategy),
  '/Namespace': parts(namespaceStrategy),
  '/Node': parts(nodeStrategy),
  '/Pod': parts(podStrategy),
  '/ReplicationController': parts(replicationControllerStrategy),
  '/Secret': parts(secretStrategy),
  '/Service': parts(serviceStrategy),
  'apps/DaemonSet': parts(daemonSetStrategy),
  'apps/Deployment': parts(deploymentStrategy),
  'apps/ReplicaSet': parts(replicaSetStrategy),
  'apps/StatefulSet': parts(statefulSetStrategy),
  'batch/CronJob': parts(cronJobStrategy),
  'batch/Job': parts(jobStrategy),
  'coordination.k8s.io/Lease': parts(leaseStrategy),
  'discovery.k8s.io/EndpointSlice': parts(endpointSliceStrategy),
  'events.k8s.io/Event': parts(groupEventStrategy),
  'networking.k8s.io/Ingress': parts(ingressStrategy),
  'networking.k8s.io/IngressClass': parts(ingressClassStrategy),
  'networking.k8s.io/IPAddress': parts(ipAddressStrategy),
  'networking.k8s.io/NetworkPolicy': parts(networkPolicyStrategy),
  'networking.k8s.io/ServiceCIDR': parts(serviceCidrStrategy),
  'autoscaling/HorizontalPodAutoscaler': countedStrategy,
  'apiextensions.k8s.io/CustomResourceDefinition': countedStrategy,
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': countedStrategy,
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': countedStrategy,
  'node.k8s.io/RuntimeClass': conditionalStrategy,
  'policy/PodDisruptionBudget': parts(podDisruptionBudgetStrategy),
  'scheduling.k8s.io/PriorityClass': parts(priorityClassStrategy),
  'rbac.authorization.k8s.io/ClusterRole': parts(clusterRoleStrategy),
  'rbac.authorization.k8s.io/ClusterRoleBinding': parts(clusterRoleBindingStrategy),
  'rbac.authorization.k8s.io/Role': parts(roleStrategy),
  'rbac.authorization.k8s.io/RoleBinding': parts(roleBindingStrategy),
};

/** The parts of a kind's strategy that are its own; {} for kinds without behaviour. */
export function partsFor(kind: KindInfo): AnyParts {
  return BY_KIND[`${kind.group}/${kind.kind}`] ?? {};
}
