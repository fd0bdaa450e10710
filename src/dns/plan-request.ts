/** What a name below the cluster's zone asks for, from right to left: `[[PORT.PROTOCOL|ENDPOINT].]SERVICE.NAMESPACE.svc`. */
export type NameRequest =
  /** The zone itself, `svc`, `pod`: exists, holds nothing. */
  | { readonly kind: 'fixed' }
  | { readonly kind: 'namespace'; readonly namespace: string; readonly of: 'svc' | 'pod' }
  | {
      readonly kind: 'service';
      readonly namespace: string;
      readonly service: string;
      /** Host name of an endpoint. */
      readonly endpoint: string | undefined;
      /** Empty: any port. */
      readonly port: string | undefined;
      /** Empty: any protocol. */
      readonly protocol: string | undefined;
      /** Of the endpoint, where Services are imported from several. */
      readonly cluster?: string | undefined;
      /** Only endpoints in this zone of the cluster; `prefer`: all, if there are none. */
      readonly inZone?: { readonly zone: string; readonly mode: 'pin' | 'prefer' } | undefined;
    }
  | { readonly kind: 'pod'; readonly namespace: string; readonly pod: string }
  /** The names that are there without any object. */
  | { readonly kind: 'dns-version' }
  | { readonly kind: 'name-server' };

export interface RequestOptions {
  /** In a zone of ServiceImports, `HOST.CLUSTER` may be before the name. */
  readonly imported?: boolean | undefined;
  /** `ZONE.pin._zone` and `ZONE.prefer._zone` may be before the name. */
  readonly zonal?: boolean | undefined;
}

/** `labels`: lower case, without the zone's. Undefined: no such name can exist. */
export function parseRequest(
  labels: readonly string[],
  { imported = false, zonal = false }: RequestOptions = {},
): NameRequest | undefined {
  if (labels.length === 1 && labels[0] === 'dns-version') return { kind: 'dns-version' };
  if (labels.length === 2 && labels[0] === 'ns' && labels[1] === 'dns') return { kind: 'name-server' };
  const [root, namespace, service, ...rest] = labels.toReversed();
  if (root === undefined) return { kind: 'fixed' };
  if (root !== 'svc' && root !== 'pod') return undefined;
  if (namespace === undefined) return { kind: 'fixed' };
  if (service === undefined) return { kind: 'namespace', namespace, of: root };
  if (zonal && root === 'svc' && rest[0] === '_zone') return zonalRequest(namespace, service, rest);
  if (rest.length > 2) return undefined;
  // An address may have labels before it, as CoreDNS has it.
  if (root === 'pod') return { kind: 'pod', namespace, pod: service };
  const [first, second] = rest;
  if (first === undefined || second === undefined) {
    return { kind: 'service', namespace, service, endpoint: first, port: undefined, protocol: undefined };
  }
  if (imported && !second.startsWith('_')) {
    const cluster = first;
    return {
      kind: 'service',
      namespace,
      service,
      endpoint: second,
      port: undefined,
      protocol: undefined,
      cluster,
    };
  }
  const protocol = withoutUnderscore(first);
  return {
    kind: 'service',
    namespace,
    service,
    endpoint: undefined,
    port: withoutUnderscore(second),
    protocol,
  };
}

/** Whether there is no end of names like this one: of a pod with labels before it, and by zones of the cluster. */
export function isEndless(labels: readonly string[]): boolean {
  const [root, , , last] = labels.toReversed();
  return last !== undefined && (root?.toLowerCase() === 'pod' || last.toLowerCase() === '_zone');
}

/** `rest` from right to left: `_zone`, the mode, and the zone's labels. */
function zonalRequest(namespace: string, service: string, rest: readonly string[]): NameRequest | undefined {
  const [, mode, ...zone] = rest;
  if ((mode !== 'pin' && mode !== 'prefer') || zone.length === 0) return undefined;
  return {
    kind: 'service',
    namespace,
    service,
    endpoint: undefined,
    port: undefined,
    protocol: undefined,
    inZone: { zone: zone.toReversed().join('.'), mode },
  };
}

/** The underscores of `_http._tcp` are optional. */
export function withoutUnderscore(label: string): string {
  return label.startsWith('_') ? label.slice(1) : label;
}
