import type { NftablesClient } from '#kernel/nftables.ts';
import { ClusterError } from './config.ts';

/** What the kernel answers when it has no nf_tables, or may not load it for us. */
const MISSING = new Set(['EPROTONOSUPPORT', 'EOPNOTSUPP', 'EAFNOSUPPORT', 'ENOTSUPP']);

/** Throws a ClusterError that says what to do when this kernel has no nf_tables; every node needs it. */
export function checkNftables(open: () => NftablesClient): void {
  try {
    using nftables = open();
    nftables.generation();
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined || !MISSING.has(code)) throw error;
    throw new ClusterError(
      `this kernel has no nf_tables (${code}): as root, modprobe nf_tables; else use a kernel with CONFIG_NF_TABLES`,
      { cause: error },
    );
  }
}
