import { styleText } from 'node:util';
import type { ClusterStatus, NodeStatus, PublishedPort } from '#cluster/status.ts';
import { formatTable } from '#lib/table.ts';

type Stream = NodeJS.WriteStream;

/** What `portolan up` says when the cluster is ready: how to use it, and what of it the host reaches. */
export function formatWelcome(status: ClusterStatus, again: string, stream: Stream): string {
  const { name, nodes, kubeconfig, proxy } = status;
  return [
    `Cluster ${bold(name, stream)} is ready: ${nodes.length} node${nodes.length === 1 ? '' : 's'}, DNS answers.`,
    '',
    `  export KUBECONFIG=${kubeconfig}`,
    '  kubectl get pods -A',
    '',
    'From this machine:',
    `  API server   ${status.apiServer}`,
    `  node ports   ${nodes.map(({ hostAddress }) => hostAddress).join(', ')}`,
    `  every name   curl -x socks5h://${proxy} http://NAME.NAMESPACE.svc.cluster.local (HTTP proxy: http://${proxy})`,
    ...formatPublished(status.published),
    '',
    `portolan status${again} tells more; portolan down${again} takes it down and keeps its objects.`,
    '',
  ].join('\n');
}

/** What `portolan status` prints. */
export function formatStatus(status: ClusterStatus, stream: Stream): string {
  const colour = status.phase === 'ready' ? 'green' : 'yellow';
  return [
    `${bold(status.name, stream)}  ${styleText(colour, status.phase, { stream })}  Kubernetes ${status.version}, process ${status.pid}, since ${status.startedAt}`,
    `  data         ${status.dataDir}`,
    `  kubeconfig   ${status.kubeconfig}`,
    `  API server   ${status.apiServer}`,
    `  proxy        socks5h://${status.proxy}, http://${status.proxy}`,
    `  cluster DNS  ${status.clusterDns.join(', ')}`,
    `  egress       ${status.egress ? 'through this machine' : 'off'}`,
    ...status.networks.map(
      ({ pods, services, nodes }) => `  networks     pods ${pods}, services ${services}, nodes ${nodes}`,
    ),
    '',
    ...formatTable([
      ['NODE', 'STATUS', 'ADDRESS', 'PODS', 'ZONE', 'ON THIS MACHINE', 'RESTARTS'],
      ...status.nodes.map(nodeRow),
    ]),
    ...formatPublished(status.published),
    ...formatTrouble(status),
    '',
  ].join('\n');
}

function formatTrouble({ trouble, controllers }: ClusterStatus): string[] {
  const lines = [
    ...(controllers.running && controllers.restarts === 0
      ? []
      : [`controllers: ${controllers.restarts} restarts`]),
    ...(trouble === undefined ? [] : [`last trouble: ${trouble.at} ${trouble.part}: ${trouble.line}`]),
  ];
  return lines.length === 0 ? [] : ['', ...lines];
}

function nodeRow(node: NodeStatus): string[] {
  return [
    node.name,
    node.ready ? 'running' : 'starting',
    node.addresses.join(','),
    node.podCidrs.join(','),
    node.zone ?? '-',
    node.hostAddress,
    String(node.restarts),
  ];
}

function formatPublished(ports: readonly PublishedPort[]): string[] {
  if (ports.length === 0) return [];
  return [
    '',
    'Node ports, on the loopback address of each node:',
    ...ports.map(({ service, protocol, nodePort, hostPort, problem }) => {
      const moved = hostPort === nodePort ? '' : ` (at ${hostPort}: this user may not open ${nodePort})`;
      const state = problem === undefined ? moved : ` not published: ${problem}`;
      return `  ${protocol} ${nodePort}  ${service}${state}`;
    }),
  ];
}

function bold(text: string, stream: Stream): string {
  return styleText('bold', text, { stream });
}
