import type { ObjectReference, Pod, Service } from '#api/core/v1.gen.ts';
import type { Rtnetlink } from '#kernel/rtnetlink.ts';
import type { Informer } from '#kube/informer.ts';
import type { NodeConfig } from './config.ts';
import type { HostPorts } from './host-ports.ts';
import type { Images } from './images.ts';
import type { ObjectCache } from './object-cache.ts';
import type { AddressPool } from './plan-addresses.ts';
import type { FieldFacts } from './plan-field.ts';

/** What every pod of a node shares. */
export interface NodeContext {
  readonly config: NodeConfig;
  readonly signal: AbortSignal;
  /** Only user 0 is there. */
  readonly rootless: boolean;
  /** Numbers of what containers may have at most: of this process's own. */
  readonly capabilities: ReadonlySet<number>;
  readonly rtnetlink: Rtnetlink;
  readonly addresses: AddressPool;
  readonly hostPorts: HostPorts;
  readonly images: Images;
  readonly objects: ObjectCache;
  readonly services: Informer<Service>;
  /** The node's own /etc/hosts. */
  readonly nodeHosts: string;
  /** The node's allocatable resources. */
  readonly allocatable: Readonly<Record<string, string>>;
  /** Records an event; `container` is the container's name. */
  event(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void;
  /** Records a Warning about the node itself. */
  warnOfNode(reason: string, message: string): void;
}

/** Facts for fields of a pod that has these addresses. */
export function fieldFacts({ config, allocatable }: NodeContext, podIps: readonly string[]): FieldFacts {
  return { nodeName: config.nodeName, hostIps: config.addresses, podIps, allocatable };
}

/** How kubelet's events name their node, whose uid they do not know. */
export const nodeReference = (name: string): ObjectReference => ({
  kind: 'Node',
  apiVersion: 'v1',
  name,
  uid: name,
});

/** How an event names a pod, or one of its containers by field path. */
export function podReference(pod: Pod, fieldPath?: string): ObjectReference {
  const { namespace, name, uid, resourceVersion } = pod.metadata ?? {};
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    namespace,
    name,
    uid,
    resourceVersion,
    ...(fieldPath === undefined ? {} : { fieldPath }),
  };
}

/** `ns/name`. */
export const podKey = (pod: Pod): string => `${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''}`;
