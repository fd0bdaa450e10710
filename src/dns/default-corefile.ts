import { formatAddressPort } from '#lib/ip.ts';
import type { ListenAddress } from './config.ts';

/** What `portolan dns` is told by flags rather than by a Corefile. */
export interface DefaultCorefileOptions {
  /** Addresses to listen on; all with the same port. Empty: everywhere on port 53. */
  readonly listen: readonly ListenAddress[];
  readonly zones: readonly string[];
  readonly fallthrough: readonly string[];
  readonly ttl: number;
  readonly pods: 'disabled' | 'insecure' | 'verified';
  /** Addresses, with or without port, or resolv.conf files. */
  readonly forward: readonly string[];
  /** Seconds; 0: no cache. */
  readonly cacheSeconds: number;
  readonly health: ListenAddress | undefined;
  readonly ready: ListenAddress | undefined;
  readonly metrics: ListenAddress | undefined;
  readonly lameduckSeconds: number;
}

/** A Corefile as kubeadm's, with these differences. */
export function defaultCorefile(options: DefaultCorefileOptions): string {
  const { listen, zones, health, ready, metrics, forward, cacheSeconds } = options;
  const port = listen[0]?.port ?? 53;
  const [clusterZone = ''] = zones;
  const page = (name: string, address: ListenAddress | undefined, rest = ''): string[] =>
    address === undefined ? [] : [`${name} ${formatAddressPort(address.address, address.port)}${rest}`];
  const lines = [
    ...(listen.length > 0 ? [`bind ${listen.map(({ address }) => address).join(' ')}`] : []),
    'errors',
    ...page('health', health, ` {\n    lameduck ${options.lameduckSeconds}s\n  }`),
    ...page('ready', ready),
    `kubernetes ${zones.join(' ')} {`,
    `  pods ${options.pods}`,
    ...(options.fallthrough.length > 0 ? [`  fallthrough ${options.fallthrough.join(' ')}`] : []),
    `  ttl ${options.ttl}`,
    '}',
    ...page('prometheus', metrics),
    ...(forward.length > 0 ? [`forward . ${forward.join(' ')} {`, '  max_concurrent 1000', '}'] : []),
    ...(cacheSeconds > 0
      ? [
          `cache ${cacheSeconds} {`,
          `  disable success ${clusterZone}`,
          `  disable denial ${clusterZone}`,
          '}',
        ]
      : []),
  ];
  return `.:${port} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
}
