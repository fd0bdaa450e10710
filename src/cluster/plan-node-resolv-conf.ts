/**
 * A node's own resolv.conf, which its pods with dnsPolicy Default get: its queries go to the fabric's gateway, as the
 * host's resolvers may be ones that only the host can reach (127.0.0.53). Searches and options are the host's. Pure.
 */
export function planNodeResolvConf(hostText: string, upstreams: readonly string[]): string {
  const kept = hostText.split('\n').filter((line) => /^\s*(search|options)\s/.test(line));
  const lines = [...upstreams.map((address) => `nameserver ${address}`), ...kept.map((line) => line.trim())];
  return lines.map((line) => `${line}\n`).join('');
}
