import type { ApiClient } from '#kube/client.ts';
import { Cidr, type Ip, ip, parseIp } from '#lib/ip.ts';

export interface ServiceProxyConfig {
  /** Of the Node object whose kernel this is. */
  readonly nodeName: string;
  readonly client: ApiClient;
  /** The node's own addresses, of each family. */
  readonly nodeAddresses: readonly string[];
  /** Pods of all nodes: sources inside keep their address. Empty: nobody can be told from outside. */
  readonly clusterCidrs: readonly string[];
  /** Addresses inside that no Service has are dropped. Default: none are. */
  readonly serviceCidrs?: readonly string[] | undefined;
  /** Addresses or CIDRs that node ports are served on, or `primary` for the node's addresses (the default). */
  readonly nodePortAddresses?: readonly string[] | undefined;
  readonly masqueradeAll?: boolean | undefined;
  /** Where `/healthz` and `/livez` are served; absent: nowhere. */
  readonly health?: { readonly address: string; readonly port: number } | undefined;
  /** Where `/proxyMode` is served; absent: nowhere. */
  readonly status?: { readonly address: string; readonly port: number } | undefined;
  /** Descriptor of the node's network namespace; this thread's own by default. */
  readonly netns?: number | undefined;
  /** Ends the proxy. Rules stay, so that traffic goes on. */
  readonly signal: AbortSignal;
  readonly log?: ((message: string) => void) | undefined;
}

/** Those of the node's addresses that node ports are served on. */
export function resolveNodePortAddresses(
  nodeAddresses: readonly string[],
  wanted: readonly string[] = ['primary'],
): Ip[] {
  const own = nodeAddresses.map(ip);
  const chosen = wanted.flatMap((text) => {
    if (text === 'primary') return own;
    const cidr = Cidr.parse(text);
    if (cidr !== undefined) return own.filter((address) => cidr.contains(address));
    const address = parseIp(text);
    if (address === undefined)
      throw new TypeError(`${JSON.stringify(text)} is no address, CIDR or "primary"`);
    return [address];
  });
  return [...new Set(chosen)];
}
