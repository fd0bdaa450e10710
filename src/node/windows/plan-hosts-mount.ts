/** A Windows container's hosts file. Kubelet's rules (kubelet_pods.go, makeMounts); nothing here mounts it yet. Pure. */
import type { Container, Pod } from '#api/core/v1.gen.ts';
import { makeAbsolutePath } from './plan-paths.ts';

/** Of the node and of every container. */
export const HOSTS_PATH = 'C:\\Windows\\System32\\drivers\\etc\\hosts';

/** As CRI's Mount. */
export interface HostsMount {
  /** The file that the node writes; its text is that of Linux pods. */
  hostPath: string;
  containerPath: string;
  readOnly: boolean;
}

/**
 * Undefined where the container gets none: a pod with a HostProcess container has the node's file system, a pod
 * without an address yet has nothing to write, and a mount of exactly this path (case and all) wins.
 */
export function planHostsMount(
  pod: Pod,
  container: Container,
  facts: { podIps: readonly string[]; podDirectory: string },
): HostsMount | undefined {
  if (facts.podIps.length === 0 && pod.spec?.hostNetwork !== true) return undefined;
  if (hasHostProcess(pod)) return undefined;
  if (container.volumeMounts?.some(({ mountPath }) => mountPath === HOSTS_PATH)) return undefined;
  return {
    hostPath: makeAbsolutePath(`${facts.podDirectory}\\etc-hosts`),
    containerPath: HOSTS_PATH,
    readOnly: false,
  };
}

/** Some container of the pod runs as a process of the node: it says so, or the pod does for those that say nothing. */
export function hasHostProcess({ spec }: Pod): boolean {
  const ofPod = spec?.securityContext?.windowsOptions?.hostProcess;
  const { containers = [], initContainers = [], ephemeralContainers = [] } = spec ?? {};
  return [...containers, ...initContainers, ...ephemeralContainers].some(
    ({ securityContext }) => (securityContext?.windowsOptions?.hostProcess ?? ofPod) === true,
  );
}
