/** log, exec, attach and portforward: found here, done by the kubelet of the pod's node. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Node, Pod } from '#api/core/v1.gen.ts';
import {
  badRequest,
  internalError,
  notFound,
  notImplemented,
  StatusError,
} from '#api/machinery/status-error.ts';
import type { Dial } from '#apiserver/config.ts';
import type { ConnectContext } from '#apiserver/hooks.ts';
import {
  awaitResponse,
  awaitUpgrade,
  type Backend,
  connectBackend,
  readErrorText,
  startRequest,
} from './backend.ts';
import { passUpgrade } from './join-sockets.ts';
import { chooseContainer, kubeletLocation } from './plan-container.ts';
import { upgradeHeaders } from './plan-headers.ts';
import { logPath, portForwardPath, sessionPath } from './plan-kubelet-path.ts';

/** How the API server reaches a kubelet and shows itself to it. */
export interface KubeletAccess {
  dial: Dial;
  /** PEM. Without it, connections carry no certificate and trust no authority but the system's. */
  credentials?: { readonly cert: string; readonly key: string; readonly ca: string } | undefined;
}

export async function serveLog(
  kubelet: KubeletAccess,
  response: ServerResponse,
  context: ConnectContext,
): Promise<void> {
  const { namespace, name } = context.attributes;
  const pod = podOf(context);
  const container = chooseContainer(pod, context.query.get('container'));
  const path = logPath({ namespace, pod: name, container }, context.query);
  if (!pod.spec?.nodeName) {
    // Not scheduled: nothing was logged yet.
    response.writeHead(204).end();
    return;
  }
  const backend = kubeletBackend(kubelet, context, pod.spec.nodeName);
  const socket = await connectKubelet(kubelet.dial, backend);
  const release = destroyWith(socket, response, context.signal);
  try {
    const request = startRequest(socket, backend, { method: 'GET', path, headers: [] });
    request.end();
    const log = await awaitResponse(request).catch(rethrowAsUnreachable);
    if (log.statusCode !== 200) {
      throw await kubeletError(log, `get pods/log ${name}`);
    }
    response.writeHead(200, { 'content-type': 'text/plain' });
    // The first line of a followed log may be long in coming.
    response.flushHeaders();
    // A log that breaks off must not look like one that has ended.
    await pipeline(log, response).catch(() => response.destroy());
  } finally {
    release();
  }
}

export async function upgradeToKubelet(
  kubelet: KubeletAccess,
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  context: ConnectContext,
): Promise<void> {
  const { namespace, name, subresource } = context.attributes;
  const pod = podOf(context);
  const path = upgradePath(context, pod);
  if (!pod.spec?.nodeName) {
    throw badRequest(`pod ${name} does not have a host assigned`);
  }
  const backend = kubeletBackend(kubelet, context, pod.spec.nodeName);
  const protocol = request.headers.upgrade ?? '';
  if (protocol.toLowerCase() !== 'websocket') {
    throw notImplemented(
      `${subresource} over ${protocol}: this server speaks WebSocket only, which kubectl uses from 1.30 (exec, attach) and 1.31 (port-forward) on`,
    );
  }
  const socket = await connectKubelet(kubelet.dial, backend);
  const result = await awaitUpgrade(
    startRequest(socket, backend, {
      method: 'GET',
      path,
      headers: upgradeHeaders(request.rawHeaders).filter(([header]) => header.toLowerCase() !== 'host'),
    }),
  ).catch(rethrowAsUnreachable);
  if (result.kind === 'refused') {
    const error = await kubeletError(result.response, `${subresource} pods ${name} in ${namespace}`);
    socket.destroy();
    throw error;
  }
  passUpgrade(result, client, head, context.signal);
}

function upgradePath({ attributes, query }: ConnectContext, pod: Pod): string {
  const { namespace, name, subresource } = attributes;
  if (subresource === 'portforward') {
    return portForwardPath(namespace, name, query);
  }
  const container = chooseContainer(pod, query.get('container'));
  return sessionPath(
    subresource === 'attach' ? 'attach' : 'exec',
    { namespace, pod: name, container },
    query,
  );
}

function podOf({ attributes, objects }: ConnectContext): Pod {
  const { namespace, name } = attributes;
  const pod = objects.get<Pod>('pods', namespace, name);
  if (!pod) {
    throw notFound({ group: '', plural: 'pods' }, name);
  }
  return pod;
}

/** Throws a StatusError if the node does not exist or has no address. */
export function kubeletBackend(
  kubelet: KubeletAccess,
  { objects }: ConnectContext,
  nodeName: string,
): Backend {
  const node = objects.get<Node>('nodes', undefined, nodeName);
  if (!node) {
    throw notFound({ group: '', plural: 'nodes' }, nodeName);
  }
  return { ...kubeletLocation(node), tls: kubelet.credentials ?? {} };
}

async function connectKubelet(dial: Dial, backend: Backend) {
  return await connectBackend(dial, backend).catch(rethrowAsUnreachable);
}

function rethrowAsUnreachable(error: Error): never {
  throw internalError(`error dialing backend: ${error.message}`, { cause: error });
}

/** A refusal of the kubelet as a Status. Its 400 and 404 are about the request, all others about the node. */
async function kubeletError(response: IncomingMessage, action: string): Promise<StatusError> {
  const text = await readErrorText(response);
  const code = response.statusCode ?? 500;
  if (code === 400) {
    return badRequest(text);
  }
  if (code === 404 || code === 501) {
    const reason = code === 404 ? 'NotFound' : 'NotImplemented';
    return new StatusError({ status: 'Failure', code, reason, message: text });
  }
  return internalError(`the node answered ${code} to ${action}: ${text}`);
}

/** The backend's connection ends with the client's, or with the server. Call the result when it is over anyhow. */
export function destroyWith(socket: Duplex, response: ServerResponse, signal: AbortSignal): () => void {
  const end = () => socket.destroy();
  response.once('close', end);
  signal.addEventListener('abort', end, { once: true });
  return () => {
    signal.removeEventListener('abort', end);
    end();
  };
}
