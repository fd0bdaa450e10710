import { type Answer, textAnswer } from '#apiserver/rest/respond.ts';

/** Names under which upstream reports; probes of tools and operators ask for some of them. */
const CHECKS: ReadonlyMap<string, readonly string[]> = new Map([
  ['healthz', ['ping', 'log', 'etcd']],
  ['livez', ['ping', 'log', 'etcd']],
  ['readyz', ['ping', 'log', 'etcd', 'etcd-readiness', 'informer-sync', 'shutdown']],
]);

const HOOKS = [
  'start-apiextensions-informers',
  'start-apiextensions-controllers',
  'crd-informer-synced',
  'start-system-namespaces-controller',
  'start-service-ip-repair-controllers',
  'rbac/bootstrap-roles',
  'scheduling/bootstrap-system-priority-classes',
  'bootstrap-controller',
  'start-kube-aggregator-informers',
  'apiservice-registration-controller',
  'apiservice-status-local-available-controller',
  'apiservice-status-remote-available-controller',
  'apiservice-openapi-controller',
  'apiservice-openapiv3-controller',
  'apiservice-discovery-controller',
].map((name) => `poststarthook/${name}`);

/** /healthz, /livez, /readyz, each with one path per check. A server that answers has passed them all but `storage`. */
export function health(
  path: string,
  query: URLSearchParams,
  storageWorks: () => boolean,
): Answer | undefined {
  const [, endpoint = '', ...rest] = path.split('/');
  const checks = CHECKS.get(endpoint);
  if (checks === undefined) return undefined;
  const all = [...checks, ...HOOKS];
  const check = rest.join('/');
  if (check !== '')
    return all.includes(check)
      ? verdict(storageWorks() || check !== 'etcd')
      : textAnswer(404, '404 page not found\n');
  const excluded = new Set(query.getAll('exclude'));
  const failed = (name: string): boolean => name === 'etcd' && !excluded.has(name) && !storageWorks();
  const healthy = !all.some(failed);
  if (healthy && !query.has('verbose')) return textAnswer(200, 'ok');
  const lines = all.map((name) =>
    failed(name) ? `[-]${name} failed` : `[+]${name} ${excluded.has(name) ? 'excluded: ' : ''}ok`,
  );
  return textAnswer(
    healthy ? 200 : 500,
    `${lines.join('\n')}\n${endpoint} check ${healthy ? 'passed' : 'failed'}\n`,
  );
}

function verdict(healthy: boolean): Answer {
  return healthy ? textAnswer(200, 'ok') : textAnswer(500, 'internal server error: failed\n');
}
