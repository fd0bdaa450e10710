import { writeFileSync } from 'node:fs';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { createNetworkNamespace, withNamespaces } from '#os/namespace.ts';
import type { FabricSystem } from './fabric.ts';

/** The kernel of this machine. */
export const fabricSystem: FabricSystem = {
  createNamespace: createNetworkNamespace,
  openRtnetlink: (netns) => Rtnetlink.open({ netns }),
  enableForwarding(netns, families) {
    withNamespaces({ net: netns }, () => {
      for (const { family } of families) {
        const name = family === 4 ? 'ipv4/ip_forward' : 'ipv6/conf/all/forwarding';
        writeFileSync(`/proc/sys/net/${name}`, '1');
      }
    });
  },
};
