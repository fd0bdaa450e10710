import { Nftables } from '#kernel/nftables.ts';
import { enterNewNetworkNamespace } from '#os/namespace.ts';
import { bindUdp } from '#os/socket.ts';
import { checkNftables } from './check-kernel.ts';
import { Fabric } from './fabric.ts';
import { handOver, openFabricSockets } from './fabric-sockets.ts';
import { fabricSystem } from './fabric-system.ts';
import type { FabricCalls, HostCalls } from './messages.ts';
import type { Publisher } from './publish.ts';
import { joinSupervisor, type OwnHandlers } from './thread-side.ts';

let fabric: Fabric | undefined;
let publisher: Publisher | undefined;

const { supervisor } = joinSupervisor<undefined, HostCalls>(
  () =>
    ({
      start({ families, egress }) {
        checkNftables(() => Nftables.open());
        fabric = new Fabric(families, fabricSystem);
        const addresses = families.map((family) => family.outside);
        fabric.attach({ name: 'outside', addresses, networks: [] }, outside);
        return openFabricSockets(fabric.netns, families, egress);
      },
      attach({ host, netns }) {
        started().attach(host, netns);
      },
      detach({ name }) {
        started().detach(name);
      },
      bindForeignUdp({ address, port }) {
        const netns = started().netns;
        return handOver(bindUdp({ address, port, netns, transparent: true, reusePort: true }));
      },
      async publish(input) {
        const { startPublisher } = await import('./publish.ts');
        publisher = startPublisher(input, supervisor);
      },
      setNodeNamespaces({ nodes }) {
        publisher?.setNodeNamespaces(nodes);
      },
      namespaces() {
        return { outside, fabric: started().netns };
      },
    }) satisfies OwnHandlers<FabricCalls>,
);

// This thread is the host outside of the cluster: what it connects to from here comes from there.
const outside = enterNewNetworkNamespace();

function started(): Fabric {
  if (fabric === undefined) throw new Error('the fabric has not been started');
  return fabric;
}
