/** The node's HTTPS server (the kubelet's port 10250): what the API server connects to for logs and sessions. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type ContainerAccess, ContainerAccessError } from '#node/container-access.ts';
import type { KubeletConfiguration } from '#node/plan-kubelet-configuration.ts';
import { planRequest, type StreamingRequest } from './plan-request.ts';
import { REFUSALS } from './plan-status.ts';
import { serveLogs } from './serve-logs.ts';
import { serveNodeLogs } from './serve-node-logs.ts';
import { metricsText, podList, runningPods } from './serve-status.ts';
import { serveUpgrade } from './serve-upgrade.ts';

export interface StreamingServerConfig {
  access: ContainerAccess;
  /** The node's own logs, for whoever asks for `/logs/`; absent: there are none. */
  logDirectory?: string | undefined;
  /** The node's settings, for whoever asks for `/configz`; absent: none are told. */
  configuration?: KubeletConfiguration | undefined;
  /** PEM: the node's serving certificate, and the authority of the clients. */
  tls: { cert: string; key: string; ca: string };
  /** A socket that listens already, or an address; port 0 takes any. */
  listen: { fd: number } | { host: string; port: number };
}

export interface StreamingServer extends AsyncDisposable {
  readonly port: number;
}

const API_SERVER = 'kube-apiserver-kubelet-client';
const ADMINISTRATORS = 'system:masters';

/** Resolves when the server listens. Disposing it breaks off what is running. */
export async function startStreamingServer(config: StreamingServerConfig): Promise<StreamingServer> {
  const { access, tls } = config;
  const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: true });
  const sockets = trackSockets(server);

  server.on('request', (request, response) => {
    const plan = planFor(request);
    serve(config, plan, response).catch((error: unknown) => refuse(response, error));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    serveUpgrade(access, planFor(request), request, socket, head).catch(() => socket.destroy());
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.listen, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) {
        socket.destroy();
      }
      await closed;
    },
  };
}

/** Upgraded connections are no longer the server's, so it cannot close them by itself. */
function trackSockets(server: Server): ReadonlySet<Duplex> {
  const sockets = new Set<Duplex>();
  server.on('connection', (socket: Duplex) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

function planFor(request: IncomingMessage): StreamingRequest {
  return mayUse(request.socket as TLSSocket)
    ? planRequest(request.method ?? '', request.url ?? '')
    : { kind: 'refused', status: 403, message: 'Forbidden: the client certificate is not the API server’s' };
}

function mayUse(socket: TLSSocket): boolean {
  const { CN, O } = (socket.getPeerCertificate().subject ?? {}) as Record<
    string,
    string | string[] | undefined
  >;
  return socket.authorized && (CN === API_SERVER || [O].flat().includes(ADMINISTRATORS));
}

async function serve(
  { access, logDirectory, configuration }: StreamingServerConfig,
  plan: StreamingRequest,
  response: ServerResponse,
): Promise<void> {
  switch (plan.kind) {
    case 'logs':
      await serveLogs(response, access, plan.container, plan.options);
      break;
    case 'nodeLogs':
      await serveNodeLogs(response, logDirectory, plan.path);
      break;
    case 'pods':
      answer(response, 200, podList(access.pods()), 'application/json');
      break;
    case 'runningPods':
      answer(response, 200, podList(runningPods(access.pods())), 'application/json');
      break;
    case 'healthz':
      answer(response, 200, 'ok');
      break;
    case 'metrics':
      answer(response, 200, metricsText(access.pods()), 'text/plain; version=0.0.4; charset=utf-8');
      break;
    case 'configuration':
      answer(response, 200, JSON.stringify({ kubeletconfig: configuration }), 'application/json');
      break;
    case 'refused':
      answer(response, plan.status, plan.message);
      break;
    case 'exec':
    case 'attach':
    case 'portForward':
      answer(response, 400, 'Upgrade request required');
      break;
  }
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const code = error instanceof ContainerAccessError ? error.code : 'internal';
  answer(response, REFUSALS[code].code, (error as Error).message);
}

function answer(response: ServerResponse, status: number, body: string, contentType = 'text/plain'): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
