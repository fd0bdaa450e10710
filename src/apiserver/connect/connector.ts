/** The connect subresources: requests that end in a node, a pod or a Service instead of the storage. */
import { createConnection } from 'node:net';
import { badRequest, noSuchResource } from '#api/machinery/status-error.ts';
import type { Dial } from '#apiserver/config.ts';
import type { Connector } from '#apiserver/hooks.ts';
import { type KubeletAccess, serveLog, upgradeToKubelet } from './serve-kubelet.ts';
import { serveProxy, upgradeThroughProxy } from './serve-proxy.ts';

export interface ConnectorConfig {
  /** Default: a plain connection from where the API server runs. */
  dial?: Dial | undefined;
  /** PEM: how the API server shows itself to nodes, and who signs their certificates. */
  nodeClient?: { readonly cert: string; readonly key: string; readonly ca: string } | undefined;
}

export function createConnector({ dial = dialDirectly, nodeClient }: ConnectorConfig): Connector {
  const kubelet: KubeletAccess = { dial, credentials: nodeClient };
  return {
    async serve(request, response, context) {
      switch (context.attributes.subresource) {
        case 'log':
          return await serveLog(kubelet, response, context);
        case 'proxy':
          return await serveProxy(kubelet, request, response, context);
        case 'exec':
        case 'attach':
        case 'portforward':
          throw badRequest('Upgrade request required');
        default:
          throw noSuchResource();
      }
    },
    async upgrade(request, socket, head, context) {
      switch (context.attributes.subresource) {
        case 'exec':
        case 'attach':
        case 'portforward':
          return await upgradeToKubelet(kubelet, request, socket, head, context);
        case 'proxy':
          return await upgradeThroughProxy(kubelet, request, socket, head, context);
        default:
          throw badRequest('this resource cannot be upgraded');
      }
    },
  };
}

function dialDirectly(address: string, port: number): ReturnType<Dial> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, address, () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
