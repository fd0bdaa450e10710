import { enterNewNetworkNamespace } from '#os/namespace.ts';
import type { NodeCalls } from './messages.ts';
import { resolveAddresses } from './stub-resolver.ts';
import { joinSupervisor, type OwnHandlers } from './thread-side.ts';
import { traceStart } from './trace-start.ts';

joinSupervisor(
  () =>
    ({
      openNamespace: () => netns,
      async start({ node }) {
        traceStart(node.name, 'would start');
      },
      async resolves({ name, servers }) {
        const addresses = await resolveAddresses(name, { servers, timeoutMs: 100 }).catch(() => []);
        return addresses.length > 0;
      },
      podNamespaces: () => undefined,
    }) satisfies OwnHandlers<NodeCalls>,
);

const netns = enterNewNetworkNamespace();
