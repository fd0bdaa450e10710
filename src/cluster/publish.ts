import { ApiClient } from '#kube/client.ts';
import { startInformer } from '#kube/informer.ts';
import { SERVICES } from '#kube/resources.ts';
import type { Caller } from './calls.ts';
import { ClusterDialer } from './cluster-dialer.ts';
import { HostProxy } from './host-proxy.ts';
import type { HostCalls, PublishStart } from './messages.ts';
import { planPublished } from './plan-publish.ts';
import { PublishedPorts } from './published-ports.ts';

/** The cluster's addresses on the host: node ports, and the proxy. */
export interface Publisher extends Disposable {
  setNodeNamespaces(nodes: readonly { name: string; netns: number }[]): void;
}

/**
 * Follows Services and keeps their node ports open on the nodes' loopback addresses of the host. Runs in the outside
 * host's namespace: what is connected from here reaches the nodes as any client outside of the cluster does.
 */
export function startPublisher(input: PublishStart, host: Caller<HostCalls>): Publisher {
  const stop = new AbortController();
  const dialer = new ClusterDialer(input.clusterDns);
  const proxy = new HostProxy(input.proxyFd, dialer);
  const published = new PublishedPorts({
    nodes: input.nodes,
    openSocket: (request) => host.call('openHostSocket', request),
    onChange: (ports) => host.call('published', { ports }).catch(() => undefined),
  });
  const client = new ApiClient(input.client);
  const informer = startInformer(client, SERVICES, { signal: stop.signal });
  const sync = (): void => published.set(planPublished(informer.store.list()));
  informer.onChange({ onAdd: sync, onUpdate: sync, onDelete: sync });
  return {
    setNodeNamespaces: (nodes) => dialer.setNodeNamespaces(nodes),
    [Symbol.dispose]() {
      stop.abort();
      client[Symbol.dispose]();
      proxy[Symbol.dispose]();
    },
  };
}
