/** pods/proxy, services/proxy, nodes/proxy: any HTTP request or upgrade, passed on to an address in the cluster. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Service } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { badRequest, notFound, serviceUnavailable } from '#api/machinery/status-error.ts';
import type { ConnectContext } from '#apiserver/hooks.ts';
import {
  awaitResponse,
  awaitUpgrade,
  type Backend,
  connectBackend,
  hostOf,
  startRequest,
} from './backend.ts';
import { passUpgrade } from './join-sockets.ts';
import { forwardedHeaders, upgradeHeaders } from './plan-headers.ts';
import {
  defaultPort,
  type ProxyName,
  type ProxyTarget,
  parseProxyName,
  parseProxyUrl,
  podTarget,
  portNumber,
  rewriteUrl,
  serviceTargets,
} from './plan-proxy.ts';
import { rewritePage } from './rewrite-page.ts';
import { destroyWith, type KubeletAccess, kubeletBackend } from './serve-kubelet.ts';

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

export async function serveProxy(
  kubelet: KubeletAccess,
  request: IncomingMessage,
  response: ServerResponse,
  context: ConnectContext,
): Promise<void> {
  const backend = backendOf(kubelet, context);
  const { prefix, path, query } = urlOf(request);
  if (path === '' && (request.method === 'GET' || request.method === 'HEAD')) {
    // Relative links of a page need the slash.
    response.writeHead(301, { location: `${prefix}/${query}` }).end();
    return;
  }
  const socket = await connectBackend(kubelet.dial, backend).catch(rethrowAsUnreachable);
  const release = destroyWith(socket, response, context.signal);
  try {
    const passed = startRequest(socket, backend, {
      method: request.method ?? 'GET',
      path: `${path || '/'}${query}`,
      headers: withForwarded(forwardedHeaders(request.rawHeaders), request),
    });
    request.pipe(passed);
    const answer = await awaitResponse(passed).catch(rethrowAsUnreachable);
    const rewrite = (url: string): string =>
      rewriteUrl(url, prefix, [hostOf(backend), request.headers.host ?? '']);
    const page = request.method === 'HEAD' ? undefined : rewritePage(answer, rewrite);
    const headers = forwardedHeaders(answer.rawHeaders)
      .filter(([name]) => !page?.dropped.includes(name.toLowerCase()))
      .map(([name, value]) => [name, name.toLowerCase() === 'location' ? rewrite(value) : value]);
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headers.flat());
    await pipeline([answer, ...(page?.steps ?? []), response]).catch(() => response.destroy());
  } finally {
    release();
  }
}

export async function upgradeThroughProxy(
  kubelet: KubeletAccess,
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  context: ConnectContext,
): Promise<void> {
  const backend = backendOf(kubelet, context);
  const { path, query } = urlOf(request);
  const socket = await connectBackend(kubelet.dial, backend).catch(rethrowAsUnreachable);
  const result = await awaitUpgrade(
    startRequest(socket, backend, {
      method: request.method ?? 'GET',
      path: `${path || '/'}${query}`,
      headers: withForwarded(upgradeHeaders(request.rawHeaders), request),
    }),
  ).catch(rethrowAsUnreachable);
  if (result.kind === 'upgraded') {
    passUpgrade(result, client, head, context.signal);
    return;
  }
  // The backend's own refusal is the client's to read; the connection ends with it.
  client.write(refusalHead(result.response));
  await pipeline(result.response, client).catch(() => client.destroy());
}

function refusalHead({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const headers = [...forwardedHeaders(rawHeaders), ['Connection', 'close']];
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${statusCode} ${statusMessage}\r\n${lines.join('')}\r\n`;
}

function backendOf(kubelet: KubeletAccess, context: ConnectContext): Backend {
  const { resource, name: requested } = context.attributes;
  const name = parseProxyName(requested);
  if (!name) {
    throw badRequest(`invalid ${resource.slice(0, -1)} request "${requested}"`);
  }
  switch (resource) {
    case 'pods':
      return toBackend(podTarget(existing(context, 'pods', name.name), name));
    case 'services':
      return toBackend(serviceTarget(context, name));
    default:
      return nodeBackend(kubelet, context, name);
  }
}

function serviceTarget(context: ConnectContext, name: ProxyName): ProxyTarget {
  const { objects, attributes } = context;
  const service: Service = existing(context, 'services', name.name);
  const slices = objects
    .list<EndpointSlice>('endpointslices.discovery.k8s.io', attributes.namespace)
    .filter((slice) => slice.metadata?.labels?.[SERVICE_NAME_LABEL] === name.name);
  const targets = serviceTargets(service, slices, name, attributes.name);
  return targets[Math.floor(Math.random() * targets.length)] as ProxyTarget;
}

/** The kubelet itself unless another port is named. */
function nodeBackend(
  kubelet: KubeletAccess,
  context: ConnectContext,
  { name, scheme, port }: ProxyName,
): Backend {
  const backend = kubeletBackend(kubelet, context, name);
  const number = port === '' ? backend.port : portNumber(port);
  if (number === undefined) {
    throw badRequest(`invalid node request "${context.attributes.name}"`);
  }
  if (number === backend.port) {
    return backend;
  }
  return toBackend({
    scheme: scheme || 'http',
    address: backend.address,
    port: number || defaultPort(scheme),
  });
}

/** Certificates of pods are their own affair: upstream does not check them here either. */
function toBackend({ scheme, address, port }: ProxyTarget): Backend {
  return { address, port, ...(scheme === 'https' && { tls: { rejectUnauthorized: false } }) };
}

function existing({ objects, attributes }: ConnectContext, plural: string, name: string): KubeObject {
  const object = objects.get(plural, attributes.namespace, name);
  if (!object) {
    throw notFound({ group: '', plural }, name);
  }
  return object;
}

function urlOf(request: IncomingMessage) {
  const url = parseProxyUrl(request.url ?? '');
  if (!url) {
    throw badRequest(`not the path of a proxy: ${request.url}`);
  }
  return url;
}

function withForwarded(
  headers: readonly (readonly [string, string])[],
  request: IncomingMessage,
): (readonly [string, string])[] {
  const others = headers.filter(([name]) => name.toLowerCase() !== 'host');
  return [
    ...others,
    ['X-Forwarded-For', request.socket.remoteAddress ?? ''],
    ['X-Forwarded-Host', request.headers.host ?? ''],
    ['X-Forwarded-Uri', request.url ?? ''],
    ['X-Forwarded-Proto', 'https'],
  ];
}

function rethrowAsUnreachable(error: Error): never {
  throw serviceUnavailable(`error trying to reach service: ${error.message}`);
}
