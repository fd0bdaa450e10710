import { writeSysctl } from '#kernel/sysctl.ts';

/**
 * How long the kernel remembers connections, in seconds: as kube-proxy has it by default. A client that closed only its
 * half may wait for the answer for long; the kernel's own minute would cut it off.
 */
const TIMEOUTS: Readonly<Record<string, number>> = { established: 86_400, close_wait: 3600 };

/** Sets them in a network namespace; where that is not allowed, says so and leaves them. */
export function applyConntrackTimeouts(netns: number | undefined, log: (message: string) => void): void {
  for (const [state, seconds] of Object.entries(TIMEOUTS)) {
    try {
      writeSysctl(`net.netfilter.nf_conntrack_tcp_timeout_${state}`, seconds, { netns });
    } catch (error) {
      log(`TCP connections in state ${state} keep the kernel's timeout: ${(error as Error).message}`);
    }
  }
}
