/** The proxy subresources: which address a name such as `https:web:metrics` means, and how URLs are carried over. */
import type { Pod, Service } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { badRequest, serviceUnavailable } from '#api/machinery/status-error.ts';
import type { Location } from './plan-container.ts';

export interface ProxyName {
  /** Empty if not told. */
  scheme: '' | 'http' | 'https';
  name: string;
  /** Number or name; empty if not told. */
  port: string;
}

/** NAME, NAME:PORT or SCHEME:NAME:PORT. Undefined if it is none of these. */
export function parseProxyName(text: string): ProxyName | undefined {
  const parts = text.split(':');
  const [first = '', second = '', third = ''] = parts;
  if (parts.length <= 2) {
    return first === '' ? undefined : { scheme: '', name: first, port: second };
  }
  const scheme = first;
  if (parts.length > 3 || second === '' || (scheme !== '' && scheme !== 'http' && scheme !== 'https')) {
    return undefined;
  }
  return { scheme, name: second, port: third };
}

export interface ProxyTarget extends Location {
  scheme: 'http' | 'https';
}

/** A pod's first declared port is the default. Throws a 400 StatusError. */
export function podTarget(pod: Pod, { scheme, port }: ProxyName): ProxyTarget {
  const address = pod.status?.podIP;
  if (!address) {
    throw badRequest('address not allowed');
  }
  const declared = (pod.spec?.containers ?? []).flatMap(({ ports }) => ports ?? []);
  const number = port === '' ? (declared[0]?.containerPort ?? defaultPort(scheme)) : portNumber(port);
  if (number === undefined) {
    throw badRequest(`invalid pod request "${pod.metadata?.name}:${port}"`);
  }
  return { scheme: scheme || 'http', address, port: number };
}

export function defaultPort(scheme: string): number {
  return scheme === 'https' ? 443 : 80;
}

/** Undefined if it is no port number. */
export function portNumber(text: string): number | undefined {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= 65_535 ? number : undefined;
}

/**
 * All ready endpoints of the Service's port; the caller picks one. Throws a 503 StatusError if the Service has no
 * such port or the port no ready endpoint.
 */
export function serviceTargets(
  service: Service,
  slices: readonly EndpointSlice[],
  { scheme, name, port }: ProxyName,
  requested: string,
): ProxyTarget[] {
  const portName = servicePortName(service, port, name);
  const targets = slices.flatMap((slice) => {
    const number = slice.ports?.find((entry) => (entry.name ?? '') === portName)?.port;
    return number === undefined || slice.addressType === 'FQDN'
      ? []
      : (slice.endpoints ?? [])
          .filter((endpoint) => endpoint.conditions?.ready !== false)
          .flatMap((endpoint) => endpoint.addresses ?? [])
          .map((address): ProxyTarget => ({ scheme: scheme || 'http', address, port: number }));
  });
  if (targets.length === 0) {
    throw serviceUnavailable(`no endpoints available for service "${requested}"`);
  }
  return targets;
}

function servicePortName(service: Service, port: string, name: string): string {
  const number = portNumber(port);
  if (number === undefined) {
    return port;
  }
  const found = service.spec?.ports?.find((entry) => entry.port === number);
  if (!found) {
    throw serviceUnavailable(`no service port ${number} found for service "${name}"`);
  }
  return found.name ?? '';
}

export interface ProxyUrl {
  /** The path up to and with `/proxy`, as the client wrote it. */
  prefix: string;
  /** What follows, percent-encoding and all; empty or with a leading slash. */
  path: string;
  /** Empty or with its question mark. */
  query: string;
}

const PROXY_URL =
  /^(?<prefix>\/api\/v1\/(?:namespaces\/[^/]+\/(?:pods|services)|nodes)\/[^/]+\/proxy)(?<path>\/[^?]*)?(?<query>\?.*)?$/s;

/** Undefined if it is not the URL of a proxy subresource. */
export function parseProxyUrl(url: string): ProxyUrl | undefined {
  const groups = PROXY_URL.exec(url)?.groups;
  return (
    groups && { prefix: groups['prefix'] ?? '', path: groups['path'] ?? '', query: groups['query'] ?? '' }
  );
}

/**
 * The URL of a redirect or a link as seen through the proxy: one to the backend itself leads back through the proxy, also
 * where the backend takes the host that the client asked for as its own. Any other is left as it is.
 */
export function rewriteUrl(written: string, prefix: string, ownHosts: readonly string[]): string {
  let path = written;
  if (/^https?:\/\//i.test(written)) {
    const url = URL.parse(written);
    // All as URLs, since they leave out the scheme's default port.
    const isOwn = ownHosts.some((host) => url && url.host === URL.parse(`${url.protocol}//${host}`)?.host);
    if (!url || !isOwn) {
      return written;
    }
    path = `${url.pathname}${url.search}${url.hash}`;
  }
  if (!path.startsWith('/') || path.startsWith('//')) {
    return written;
  }
  return path.startsWith(`${prefix}/`) ? path : `${prefix}${path}`;
}
