/** The node's own namespace as a router: forwards between pods and the world outside. */
import { existsSync, writeFileSync } from 'node:fs';

const FORWARD_4 = ['net/ipv4/ip_forward', 'net/ipv4/conf/all/forwarding'];
const FORWARD_6 = ['net/ipv6/conf/all/forwarding', 'net/ipv6/conf/default/forwarding'];

/** Sysctls of the thread's network namespace; sync, because only this thread is in it. */
export function prepareNodeNetwork(podCidrs: readonly string[]): void {
  const isIpv6 = podCidrs.some((cidr) => cidr.includes(':'));
  for (const name of [...FORWARD_4, ...(isIpv6 ? FORWARD_6 : [])]) {
    const path = `/proc/sys/${name}`;
    if (existsSync(path)) writeFileSync(path, '1');
  }
}
