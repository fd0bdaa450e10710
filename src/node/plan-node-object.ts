/** The Node object as this node wants it. Pure. */
import type { Node, NodeCondition, NodeStatus } from '#api/core/v1.gen.ts';

export interface NodeFacts {
  nodeName: string;
  addresses: readonly string[];
  podCidrs?: readonly string[] | undefined;
  zone?: string | undefined;
  region?: string | undefined;
  labels?: Readonly<Record<string, string>> | undefined;
  maxPods: number;
  cpus: number;
  memoryBytes: number;
  /** Of the file system with the node's data. */
  diskBytes: number;
  /** As Go writes it: amd64, arm64. */
  architecture: string;
  kernelVersion: string;
  osImage: string;
  machineId: string;
  bootId: string;
  kubernetesVersion: string;
  portolanVersion: string;
  rootless: boolean;
  kubeletPort: number;
}

/** Labels that the node owns; others of the object stay. */
export function planNodeLabels({
  nodeName,
  zone,
  region,
  labels,
  architecture,
}: NodeFacts): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': architecture,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': architecture,
    'kubernetes.io/hostname': nodeName,
    'kubernetes.io/os': 'linux',
    ...(zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone }),
    ...(region === undefined ? {} : { 'topology.kubernetes.io/region': region }),
    ...labels,
  };
}

export function planNode(facts: NodeFacts): Node {
  const [podCIDR] = facts.podCidrs ?? [];
  return {
    metadata: { name: facts.nodeName, labels: planNodeLabels(facts) },
    spec: podCIDR === undefined ? {} : { podCIDR, podCIDRs: [...(facts.podCidrs ?? [])] },
  };
}

/** Quantities of what there is; all of it is allocatable. */
export function planCapacity({ cpus, memoryBytes, diskBytes, maxPods }: NodeFacts): Record<string, string> {
  return {
    cpu: String(cpus),
    'ephemeral-storage': `${Math.floor(diskBytes / 1024)}Ki`,
    'hugepages-2Mi': '0',
    memory: `${Math.floor(memoryBytes / 1024)}Ki`,
    pods: String(maxPods),
  };
}

/** `now`: RFC 3339; transition times are kept from `previous` where the status is the same. */
export function planNodeStatus(facts: NodeFacts, previous: NodeStatus | undefined, now: string): NodeStatus {
  const capacity = planCapacity(facts);
  return {
    capacity,
    allocatable: capacity,
    conditions: planConditions(previous?.conditions ?? [], now),
    addresses: [
      ...facts.addresses.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: facts.nodeName },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: facts.kubeletPort } },
    nodeInfo: {
      machineID: facts.machineId,
      systemUUID: facts.machineId,
      bootID: facts.bootId,
      kernelVersion: facts.kernelVersion,
      osImage: facts.osImage,
      containerRuntimeVersion: `portolan://${facts.portolanVersion}`,
      kubeletVersion: facts.kubernetesVersion,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: facts.architecture,
      ...(facts.rootless ? { runningInUserNamespace: true } : {}),
    },
  };
}

const CONDITIONS: readonly [type: string, status: string, reason: string, message: string][] = [
  ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
];

function planConditions(previous: readonly NodeCondition[], now: string): NodeCondition[] {
  const own = CONDITIONS.map(([type, status, reason, message]): NodeCondition => {
    const before = previous.find((condition) => condition.type === type);
    const since = before?.status === status ? (before.lastTransitionTime ?? now) : now;
    return { type, status, lastHeartbeatTime: now, lastTransitionTime: since, reason, message };
  });
  const names = new Set(own.map(({ type }) => type));
  return [...own, ...previous.filter(({ type }) => !names.has(type))];
}
