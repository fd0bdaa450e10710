/** What the placeholders of a node cache's Corefile stand for. */
export interface NodeCorefileValues {
  /** Where it listens. */
  readonly localIps: readonly string[];
  /** Address of the cluster's DNS; undefined: not known. */
  readonly clusterDns: string | undefined;
  readonly clusterDomain: string;
}

/** A Corefile template that cannot be filled in. */
export class NodeCorefileError extends Error {
  override readonly name = 'NodeCorefileError';
}

const MAX_MESSAGE_NAMES = 3;

/** `force_tcp` of a block that asks servers put in here. */
const FORCED =
  /(\bforward[ \t]+\S+[ \t]+__PILLAR__(?:CLUSTER__DNS|UPSTREAM__SERVERS)__[ \t]*\{[^}]*?)\bforce_tcp\b/g;

/**
 * Fills in the template that NodeLocal DNSCache reads. Its `force_tcp` becomes `prefer_tcp`: as asked for, but for
 * servers that do not answer over TCP.
 */
export function planNodeCorefile(template: string, values: NodeCorefileValues): string {
  const { localIps, clusterDns, clusterDomain } = values;
  const filled = template
    .replace(FORCED, '$1prefer_tcp')
    .replaceAll('__PILLAR__LOCAL__DNS__', localIps.join(' '))
    // All addresses have been put in by now; a second time they would be there twice.
    .replaceAll('__PILLAR__DNS__SERVER__', '')
    .replaceAll('__PILLAR__DNS__DOMAIN__', clusterDomain)
    .replaceAll('__PILLAR__UPSTREAM__SERVERS__', '/etc/resolv.conf')
    .replaceAll('__PILLAR__CLUSTER__DNS__', clusterDns ?? '__PILLAR__CLUSTER__DNS__');
  const left = [...new Set(filled.match(/__PILLAR__\w+?__(?!\w)/g))].slice(0, MAX_MESSAGE_NAMES);
  if (left.includes('__PILLAR__CLUSTER__DNS__'))
    throw new NodeCorefileError(
      'the address of the cluster DNS is not known: --upstreamsvc names a Service of the own namespace that was there before the pod, or --clusterdns an address',
    );
  if (left.length > 0)
    throw new NodeCorefileError(`nothing is known to put in the place of ${left.join(', ')}`);
  return filled;
}

/** The template used when there is none: as in Kubernetes' manifest. */
export function defaultNodeTemplate({ healthAddress }: { readonly healthAddress: string }): string {
  const block = (zone: string, lines: readonly string[]): string => {
    const all = [
      'errors',
      ...lines,
      'reload',
      'loop',
      'bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__',
      'prometheus :9253',
    ];
    return `${zone} {\n${all.map((line) => `    ${line}\n`).join('')}}\n`;
  };
  const toCluster = 'forward . __PILLAR__CLUSTER__DNS__ {\n        force_tcp\n    }';
  const kept = 'cache {\n        success 9984 30\n        denial 9984 5\n    }';
  return [
    block('__PILLAR__DNS__DOMAIN__', [kept, toCluster, `health ${healthAddress}`]),
    block('in-addr.arpa', ['cache 30', toCluster]),
    block('ip6.arpa', ['cache 30', toCluster]),
    block('.', ['cache 30', 'forward . __PILLAR__UPSTREAM__SERVERS__']),
  ].join('');
}

/** The variable that every pod has of a Service of its namespace: `KUBE_DNS_UPSTREAM_SERVICE_HOST`. */
export function serviceHostVariable(service: string): string {
  return `${service.toUpperCase().replaceAll('-', '_')}_SERVICE_HOST`;
}
