import type { Cluster } from './cluster.ts';
import type { ClusterStatus } from './status.ts';

/** The Kubernetes version that the API server presents. */
const KUBERNETES_VERSION = 'v1.37.1';

/** The cluster as `portolan status` shows it. */
export function describeCluster(cluster: Cluster): ClusterStatus {
  const { config, state, plan, nodes, controllers } = cluster;
  return {
    name: config.name,
    dataDir: state.paths.dir,
    kubeconfig: state.paths.kubeconfig,
    pid: cluster.hostPid,
    phase: cluster.phase,
    version: KUBERNETES_VERSION,
    startedAt: cluster.startedAt.toISOString(),
    apiServer: `https://127.0.0.1:${state.api.port}`,
    proxy: `127.0.0.1:${state.proxy.port}`,
    egress: config.egress,
    clusterDns: plan.families.map(({ clusterDns }) => clusterDns),
    nodes: nodes.map(({ plan: { name, zone, addresses, podCidrs, hostAddress }, running, restarts }) => {
      return { name, zone, ready: running, addresses, podCidrs, hostAddress, restarts };
    }),
    controllers: { running: controllers.running, restarts: controllers.restarts },
    published: cluster.published,
    networks: plan.families.map(({ podNetwork, serviceNetwork, nodeNetwork }) => ({
      pods: podNetwork,
      services: serviceNetwork,
      nodes: nodeNetwork,
    })),
    trouble: cluster.trouble,
  };
}
