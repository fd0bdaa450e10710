import type { Node, Pod, Service } from '#api/core/v1.gen.ts';
import type { ClusterStatus, PublishedPort } from '#cluster/status.ts';
import { formatTable } from '#lib/table.ts';

/** What the board is made of: the supervisor's status, and what the API server has. */
export interface BoardModel {
  readonly status: ClusterStatus;
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  readonly services: readonly Service[];
}

export interface BoardLine {
  readonly text: string;
  readonly tone?: 'title' | 'faint' | 'bad' | undefined;
}

/** Of a terminal, in characters. */
export interface BoardSize {
  readonly columns: number;
  readonly rows: number;
}

/** The last lines, which are always shown, and the one left free for the cursor. */
const FOOT_LINES = 2;

/** The whole board, cut to the terminal's size. */
export function planBoard(model: BoardModel, { columns, rows }: BoardSize): BoardLine[] {
  const { status } = model;
  const body = [
    ...headLines(status),
    { text: '' },
    ...table(['NODE', 'STATUS', 'PODS', 'ON THIS MACHINE', 'RESTARTS'], nodeRows(model)),
    { text: '' },
    ...table(['NAMESPACE', 'PODS READY', 'RESTARTS'], namespaceRows(model.pods)),
    { text: '' },
    ...table(['SERVICE', 'TYPE', 'ADDRESS', 'FROM THIS MACHINE'], serviceRows(model)),
  ];
  const foot = footLines(status);
  const room = Math.max(1, rows - foot.length - FOOT_LINES);
  const shown = body.length <= room ? body : [...body.slice(0, room - 1), more(body.length - room + 1)];
  return [...shown, { text: '' }, ...foot].map(({ text, tone }) => ({ text: cut(text, columns), tone }));
}

/** One line for where there is no terminal. */
export function boardSummary({ status, nodes, pods, services }: BoardModel): string {
  const ready = nodes.filter(isReady).length;
  return (
    `${ready} of ${status.nodes.length} nodes Ready, ${pods.filter(isReady).length} of ${unended(pods).length} pods ready, ` +
    `${services.length} Services`
  );
}

function headLines(status: ClusterStatus): BoardLine[] {
  const since = status.startedAt.slice(0, 19).replace('T', ' ');
  return [
    { text: `${status.name}  Kubernetes ${status.version}  since ${since} UTC`, tone: 'title' },
    { text: `  export KUBECONFIG=${status.kubeconfig}` },
    { text: `  API server  ${status.apiServer}` },
    { text: `  proxy       curl -x socks5h://${status.proxy} http://NAME.NAMESPACE.svc.cluster.local` },
  ];
}

function footLines({ trouble, controllers }: ClusterStatus): BoardLine[] {
  const lines: BoardLine[] = [];
  if (!controllers.running || controllers.restarts > 0) {
    const state = controllers.running ? 'run again' : 'are being replaced';
    lines.push({ text: `controllers ${state}, restarts: ${controllers.restarts}`, tone: 'bad' });
  }
  if (trouble !== undefined) {
    lines.push({ text: `${trouble.at.slice(11, 19)} ${trouble.part}: ${trouble.line}`, tone: 'bad' });
  }
  return [...lines, { text: 'Ctrl-C takes the cluster down and keeps its objects.', tone: 'faint' }];
}

function nodeRows({ status, nodes, pods }: BoardModel): string[][] {
  const byName = new Map(nodes.map((node) => [node.metadata?.name, node]));
  return status.nodes.map(({ name, ready: running, hostAddress, restarts }) => {
    const node = byName.get(name);
    const ready = node !== undefined && isReady(node);
    const state = !running ? 'starting' : ready ? 'Ready' : 'NotReady';
    const own = unended(pods).filter(({ spec }) => spec?.nodeName === name);
    return [name, state, String(own.length), hostAddress, String(restarts)];
  });
}

function namespaceRows(pods: readonly Pod[]): string[][] {
  const names = [...new Set(pods.map(({ metadata }) => metadata?.namespace ?? ''))].sort();
  return names.map((name) => {
    const own = unended(pods).filter(({ metadata }) => metadata?.namespace === name);
    const restarts = own
      .flatMap(({ status }) => status?.containerStatuses ?? [])
      .reduce((sum, { restartCount }) => sum + restartCount, 0);
    return [name, `${own.filter(isReady).length}/${own.length}`, String(restarts)];
  });
}

function serviceRows({ status, services }: BoardModel): string[][] {
  return services
    .map((service) => {
      const { metadata, spec } = service;
      const name = `${metadata?.namespace}/${metadata?.name}`;
      const address = spec?.type === 'ExternalName' ? spec.externalName : spec?.clusterIP;
      return [name, spec?.type ?? 'ClusterIP', address ?? '-', reached(service, name, status)];
    })
    .sort(([a = ''], [b = '']) => a.localeCompare(b));
}

/** How a Service is reached from the host: by the nodes' loopback addresses, or by name through the proxy. */
function reached({ metadata, spec }: Service, name: string, status: ClusterStatus): string {
  const address = status.nodes[0]?.hostAddress ?? '';
  const published = status.published.filter(({ service }) => service === name);
  if (published.length > 0) return published.map((port) => publishedText(port, address)).join(', ');
  if (spec?.type === 'ExternalName') return '-';
  const ports = (spec?.ports ?? []).filter(({ protocol = 'TCP' }) => protocol === 'TCP');
  if (ports.length === 0) return '-';
  const host = `${metadata?.name}.${metadata?.namespace}`;
  return `${ports.map(({ port }) => `${host}:${port}`).join(', ')} by proxy`;
}

function publishedText(
  { protocol, nodePort, hostPort, problem }: PublishedPort,
  hostAddress: string,
): string {
  if (problem !== undefined) return `${nodePort} not published: ${problem}`;
  const moved = hostPort === nodePort ? '' : ` (for ${nodePort})`;
  return `${hostAddress}:${hostPort}${protocol === 'TCP' ? '' : `/${protocol}`}${moved}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): BoardLine[] {
  return formatTable([head, ...rows]).map((text, index) =>
    index === 0 ? { text, tone: 'faint' } : { text },
  );
}

function more(count: number): BoardLine {
  return { text: `… ${count} lines more: a higher terminal shows them`, tone: 'faint' };
}

function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}

/** Pods that are to run on: those of a job that is done are not waited for. */
function unended(pods: readonly Pod[]): Pod[] {
  return pods.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
}

function isReady({ status }: Node | Pod): boolean {
  const conditions: readonly { type: string; status: string }[] = status?.conditions ?? [];
  return conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
}
