/** Which container of a pod is meant, and where the pod's kubelet listens. Messages are upstream's. */
import type { Node, Pod } from '#api/core/v1.gen.ts';
import { badRequest, internalError } from '#api/machinery/status-error.ts';

const DEFAULT_KUBELET_PORT = 10_250;

/** Throws a 400 StatusError when the name is needed and missing, or not one of the pod's. */
export function chooseContainer(pod: Pod, requested: string | null): string {
  const podName = pod.metadata?.name ?? '';
  const names = namesOf(pod.spec?.containers);
  const initNames = namesOf(pod.spec?.initContainers);
  const ephemeralNames = namesOf(pod.spec?.ephemeralContainers);
  if (requested) {
    if (![...names, ...initNames, ...ephemeralNames].includes(requested)) {
      throw badRequest(`container ${requested} is not valid for pod ${podName}`);
    }
    return requested;
  }
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0 && initNames.length + ephemeralNames.length === 0) {
    return only;
  }
  const choices = [
    `choose one of: [${names.join(' ')}]`,
    initNames.length > 0 ? ` or one of the init containers: [${initNames.join(' ')}]` : '',
    ephemeralNames.length > 0 ? ` or one of the ephemeral containers: [${ephemeralNames.join(' ')}]` : '',
  ];
  throw badRequest(`a container name must be specified for pod ${podName}, ${choices.join('')}`);
}

export interface Location {
  address: string;
  port: number;
}

/** Throws a StatusError if the node has told no address yet. */
export function kubeletLocation(node: Node): Location {
  const address = nodeAddress(node);
  if (address === undefined) {
    const name = node.metadata?.name ?? '';
    throw internalError(
      `no preferred addresses found; known addresses of node ${name}: none of type InternalIP or ExternalIP`,
    );
  }
  const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port;
  return { address, port: port || DEFAULT_KUBELET_PORT };
}

function nodeAddress(node: Node): string | undefined {
  const addresses = node.status?.addresses ?? [];
  const ofType = (type: string) => addresses.find((entry) => entry.type === type)?.address;
  return ofType('InternalIP') ?? ofType('ExternalIP');
}

function namesOf(containers: readonly { name?: string | undefined }[] | undefined): string[] {
  return (containers ?? []).map(({ name = '' }) => name);
}
