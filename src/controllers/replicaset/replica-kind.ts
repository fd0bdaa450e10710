/** ReplicaSet and ReplicationController differ in where their fields are; the controller is the same. */
import type { ReplicaSet, ReplicaSetStatus } from '#api/apps/v1.gen.ts';
import type {
  PodTemplateSpec,
  ReplicationController,
  ReplicationControllerStatus,
} from '#api/core/v1.gen.ts';
import { fromLabelSelector, fromSet, type LabelRequirement } from '#api/machinery/label-selector.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import type { ControllerName } from '#controllers/config.ts';
import { REPLICA_SETS, REPLICATION_CONTROLLERS, type Resource } from '#kube/resources.ts';
import type { ReplicaView } from './plan-status.ts';

export interface ReplicaKind<T extends KubeObject> {
  name: ControllerName;
  /** In events. */
  component: string;
  resource: Resource<T>;
  view(object: T): ReplicaView;
  template(object: T): PodTemplateSpec;
  /** Undefined selects nothing. */
  requirements(object: T): readonly LabelRequirement[] | undefined;
  withStatus(object: T, status: ReplicaSetStatus): T;
}

export const REPLICA_SET_KIND: ReplicaKind<ReplicaSet> = {
  name: 'replicaset',
  component: 'replicaset-controller',
  resource: REPLICA_SETS,
  view: ({ metadata = {}, spec, status }) => ({
    metadata,
    status,
    replicas: spec?.replicas ?? 1,
    minReadySeconds: spec?.minReadySeconds ?? 0,
    templateLabels: spec?.template?.metadata?.labels ?? {},
  }),
  template: (set) => set.spec?.template ?? {},
  requirements: (set) => fromLabelSelector(set.spec?.selector),
  withStatus: (set, status) => ({ ...set, status }),
};

export const REPLICATION_CONTROLLER_KIND: ReplicaKind<ReplicationController> = {
  name: 'replicationcontroller',
  component: 'replication-controller',
  resource: REPLICATION_CONTROLLERS,
  view: ({ metadata = {}, spec, status }) => ({
    metadata,
    status,
    replicas: spec?.replicas ?? 1,
    minReadySeconds: spec?.minReadySeconds ?? 0,
    templateLabels: spec?.template?.metadata?.labels ?? {},
  }),
  template: (controller) => controller.spec?.template ?? {},
  requirements: ({ spec }) =>
    Object.keys(spec?.selector ?? {}).length === 0 ? undefined : fromSet(spec?.selector),
  withStatus: (controller, { terminatingReplicas: _unknownThere, ...status }) => ({
    ...controller,
    status: status as ReplicationControllerStatus,
  }),
};
