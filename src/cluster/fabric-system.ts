import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { writeSysctl } from '#kernel/sysctl.ts';
import { createNetworkNamespace } from '#os/namespace.ts';
import type { FabricSystem } from './fabric.ts';

/** The kernel of this machine. */
export const fabricSystem: FabricSystem = {
  createNamespace: createNetworkNamespace,
  openRtnetlink: (netns) => Rtnetlink.open({ netns }),
  enableForwarding(netns, families) {
    for (const { family } of families) {
      writeSysctl(family === 4 ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding', 1, { netns });
      // Else a second attempt to reach nowhere hangs: the limit leaves no refusals where the route table has its own.
      writeSysctl(family === 4 ? 'net.ipv4.icmp_ratelimit' : 'net.ipv6.icmp.ratelimit', 0, { netns });
    }
  },
};
