/** A node of the cluster: registers itself, runs the pods bound to it, serves their logs and sessions. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { EventRecorder } from '#kube/events.ts';
import { startInformer } from '#kube/informer.ts';
import { SERVICES } from '#kube/resources.ts';
import { NodeAccess } from './access.ts';
import { KUBELET_PORT, type NodeAgent, type NodeConfig } from './config.ts';
import { type NodeContext, nodeReference, podReference } from './context.ts';
import { HostPorts } from './host-ports.ts';
import { isRootless } from './image-store.ts';
import { Images } from './images.ts';
import { ownCapabilities, readNodeFacts } from './node-facts.ts';
import { prepareNodeNetwork } from './node-network.ts';
import { awaitPodCidrs, keepNode, registerNode, writeNodeStatus } from './node-registration.ts';
import { checkNodeResolver, RESOLV_CONF } from './node-resolver.ts';
import { ObjectCache } from './object-cache.ts';
import { AddressPool, primaryFirst } from './plan-addresses.ts';
import { planNodeHostsFile } from './plan-hosts-file.ts';
import { type KubeletConfiguration, planKubeletConfiguration } from './plan-kubelet-configuration.ts';
import { planCapacity } from './plan-node-object.ts';
import { Pods } from './pods.ts';

export type { NodeAgent, NodeConfig } from './config.ts';

const VERSION = '0.1.0';

/** Resolves when the node is Ready and its pods are known. Call it in the thread whose network namespace is the node's. */
export async function startNode(config: NodeConfig): Promise<NodeAgent> {
  const ending = new AbortController();
  const signal = config.signal ? AbortSignal.any([config.signal, ending.signal]) : ending.signal;
  const { client, nodeName, onError } = config;
  resetDirectory(config.dataDir);

  // The Node object first: it may have to tell us our pod addresses.
  const rootless = isRootless();
  const facts = readNodeFacts(config, rootless, VERSION);
  const registration = { client, facts, signal, onError };
  const node = await registerNode(registration);
  const podCidrs = config.podCidrs ?? (await awaitPodCidrs(registration, node));

  // What all pods share.
  prepareNodeNetwork(podCidrs);
  const rtnetlink = Rtnetlink.open();
  const events = new EventRecorder({ client, component: 'kubelet', host: nodeName, signal, onError });
  const context: NodeContext = {
    config,
    signal,
    rootless,
    capabilities: ownCapabilities(),
    rtnetlink,
    addresses: new AddressPool(primaryFirst(podCidrs, config.addresses)),
    hostPorts: new HostPorts(config.addresses),
    images: new Images({ directory: config.imageDirectory, program: config.program }),
    objects: new ObjectCache(client, signal),
    services: startInformer(client, SERVICES, { signal, onError }),
    nodeHosts: config.hostsFile ?? planNodeHostsFile(nodeName, config.addresses),
    allocatable: planCapacity(facts),
    event: (pod, type, reason, message, fieldPath) =>
      events.record(podReference(pod, fieldPath), type, reason, message),
    warnOfNode: (reason, message) => events.record(nodeReference(nodeName), 'Warning', reason, message),
  };
  const resolvConf = config.resolvConf ?? RESOLV_CONF;
  const excess = checkNodeResolver(resolvConf, config.clusterDomain);
  if (excess !== undefined) context.warnOfNode('CheckLimitsForResolvConf', excess);

  // Pods run from here on; then the server that reaches into them, then Ready.
  const pods = new Pods(context);
  const access = new NodeAccess(pods);
  const configuration = planKubeletConfiguration(config, { resolvConf, maxPods: facts.maxPods });
  const servers = await serveKubelet(config, access, configuration);
  await Promise.all([pods.synced, writeNodeStatus(registration)]);
  void keepNode(registration, node.metadata?.uid ?? '');

  return {
    name: nodeName,
    access,
    podNamespaces: (namespace, name) => pods.pod(`${namespace}/${name}`)?.enterable(),
    async [Symbol.asyncDispose]() {
      // First the writing: the end of the node is not the end of its pods.
      ending.abort();
      await pods[Symbol.asyncDispose]();
      for (const server of servers) await server[Symbol.asyncDispose]();
      context.hostPorts[Symbol.dispose]();
      rtnetlink[Symbol.dispose]();
    },
  };
}

/** What is there is of an earlier life: its processes ended with it. */
function resetDirectory(dataDir: string): void {
  rmSync(join(dataDir, 'pods'), { recursive: true, force: true });
  rmSync(join(dataDir, 'logs'), { recursive: true, force: true });
  mkdirSync(join(dataDir, 'pods'), { recursive: true });
}

async function serveKubelet(
  { kubelet, addresses, dataDir }: NodeConfig,
  access: NodeAccess,
  configuration: KubeletConfiguration,
): Promise<AsyncDisposable[]> {
  if (kubelet === undefined) return [];
  const { startStreamingServer } = await import('./streaming/streaming-server.ts');
  const logDirectory = join(dataDir, 'logs');
  const tls = { cert: kubelet.certificate, key: kubelet.key, ca: kubelet.clientCa };
  const listen = (host: string): Promise<AsyncDisposable> =>
    startStreamingServer({ access, logDirectory, configuration, tls, listen: { host, port: KUBELET_PORT } });
  return Promise.all(addresses.map(listen));
}
