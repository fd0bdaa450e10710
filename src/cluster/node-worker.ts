import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { ApiClient } from '#kube/client.ts';
import { ipFamily } from '#lib/ip.ts';
import { type NodeAgent, startNode } from '#node/node.ts';
import { enterNewNetworkNamespace } from '#os/namespace.ts';
import { startServiceProxy } from '#serviceproxy/serviceproxy.ts';
import { ownProgram } from './entries.ts';
import type { NodeCalls, NodeStart } from './messages.ts';
import { planNodeResolvConf } from './plan-node-resolv-conf.ts';
import { resolveAddresses } from './stub-resolver.ts';
import { joinSupervisor, type OwnHandlers } from './thread-side.ts';
import { traceStart } from './trace-start.ts';

/** Those of kube-proxy. */
const HEALTHZ_PORT = 10_256;
const STATUS_PORT = 10_249;

let agent: NodeAgent | undefined;

joinSupervisor(
  () =>
    ({
      openNamespace: () => netns,
      async start(input) {
        keepOnNode(input.nodeLocalDns);
        // Services first reach pods when both run; neither waits for the other.
        const [started] = await Promise.all([startAgent(input), startProxy(input)]);
        agent = started;
        traceStart(input.node.name, 'runs');
      },
      async resolves({ name, servers, timeoutMs }) {
        const asked = resolveAddresses(name, { servers, timeoutMs });
        return (await asked.catch(() => [])).length > 0;
      },
      podNamespaces: ({ namespace, name }) => agent?.podNamespaces(namespace, name),
    }) satisfies OwnHandlers<NodeCalls>,
);

const netns = enterNewNetworkNamespace();

/** While nobody has these addresses, queries to them go nowhere, rather than out of the cluster. */
function keepOnNode(addresses: readonly string[]): void {
  if (addresses.length === 0) return;
  using rtnetlink = Rtnetlink.open();
  for (const address of addresses) {
    const destination = `${address}/${ipFamily(address) === 4 ? 32 : 128}`;
    rtnetlink.replaceRoute({ destination, type: 'unreachable' });
  }
}

async function startProxy({ node, families, proxyClient }: NodeStart): Promise<void> {
  await startServiceProxy({
    nodeName: node.name,
    client: new ApiClient(proxyClient),
    nodeAddresses: node.addresses,
    clusterCidrs: families.map(({ podNetwork }) => podNetwork),
    serviceCidrs: families.map(({ serviceNetwork }) => serviceNetwork),
    health: { address: families.some(({ family }) => family === 6) ? '::' : '0.0.0.0', port: HEALTHZ_PORT },
    status: { address: '127.0.0.1', port: STATUS_PORT },
    signal: new AbortController().signal,
    log: (message) => console.error(new Date().toISOString(), message),
  });
}

function startAgent(input: NodeStart): Promise<NodeAgent> {
  const { node, families, nodeLocalDns, apiServer, caCertificate, certificates } = input;
  const { client, serving } = certificates;
  return startNode({
    nodeName: node.name,
    client: new ApiClient({
      server: apiServer,
      ca: caCertificate,
      cert: client.certificate,
      key: client.key,
    }),
    addresses: node.addresses,
    podCidrs: node.podCidrs,
    zone: node.zone,
    clusterDns: nodeLocalDns.length > 0 ? nodeLocalDns : families.map(({ clusterDns }) => clusterDns),
    clusterDomain: 'cluster.local',
    resolvConf: writeResolvConf(input),
    dataDir: input.dataDir,
    imageDirectory: input.imagesDir,
    program: ownProgram(),
    kubelet: { certificate: serving.certificate, key: serving.key, clientCa: caCertificate },
    onError: (error) => console.error(new Date().toISOString(), error.message),
  });
}

/** Its path. */
function writeResolvConf({ dataDir, families }: NodeStart): string {
  const path = join(dataDir, 'resolv.conf');
  const upstreams = families.map(({ dnsUpstream }) => dnsUpstream);
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(path, planNodeResolvConf(readHostResolvConf(), upstreams));
  return path;
}

/** A host may have none. */
function readHostResolvConf(): string {
  try {
    return readFileSync('/etc/resolv.conf', 'utf8');
  } catch {
    return '';
  }
}
