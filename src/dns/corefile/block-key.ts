import { parseZones, ROOT, type Zone } from '#dns/zone.ts';
import { CorefileError } from './error.ts';
import type { Word } from './lines.ts';

/** How queries come in. */
export type Scheme = 'dns' | 'tls' | 'https';

/** What a server block answers for: one zone on one port. */
export interface BlockKey {
  readonly scheme: Scheme;
  readonly zone: Zone;
  readonly port: number;
}

const DEFAULT_PORTS: Readonly<Record<Scheme, number>> = { dns: 53, tls: 853, https: 443 };
const NOT_SERVED = new Set(['grpc', 'quic', 'https3']);

/** Reads `[SCHEME://]ZONE[:PORT]`; a network may be several zones. `dnsPort`: of `dns://` without a port. */
export function parseBlockKey({ text, where }: Word, dnsPort: number = DEFAULT_PORTS.dns): BlockKey[] {
  const [, schemeText = 'dns', rest = ''] = /^(?:([a-z0-9]+):\/\/)?(.*)$/.exec(text) ?? [];
  if (!isScheme(schemeText)) {
    const why = NOT_SERVED.has(schemeText) ? 'is not served by Portolan' : 'is not known';
    throw new CorefileError(where, `${text}: the scheme ${schemeText}:// ${why}; there are dns, tls, https`);
  }
  const [, host = '', portText] = /^(.*?)(?::(\d+))?$/.exec(rest) ?? [];
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && port > 65_535)
    throw new CorefileError(where, `${text}: there is no port ${port}; the last is 65535`);
  try {
    const zones = host === '' ? [ROOT] : parseZones(host.replace(/^\[(.*)\]$/, '$1'));
    const chosen = port ?? (schemeText === 'dns' ? dnsPort : DEFAULT_PORTS[schemeText]);
    return zones.map((zone) => ({ scheme: schemeText, zone, port: chosen }));
  } catch (error) {
    throw new CorefileError(where, (error as Error).message);
  }
}

function isScheme(text: string): text is Scheme {
  return Object.hasOwn(DEFAULT_PORTS, text);
}

/** `dns://cluster.local.:53`, as CoreDNS lists what it serves. */
export function formatBlockKey({ scheme, zone, port }: BlockKey): string {
  return `${scheme}://${zone.text}:${port}`;
}
