import type { KubeProxyConfiguration } from '#api/kubeproxy/v1alpha1.gen.ts';

/** What a KubeProxyConfiguration decides here; undefined: it says nothing of it. */
export interface KubeProxySettings {
  readonly hostname: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly clusterCidrs: readonly string[];
  readonly nodePortAddresses: readonly string[] | undefined;
  readonly masqueradeAll: boolean;
  /** `ADDRESS:PORT`. */
  readonly healthzBindAddress: string | undefined;
}

/** A configuration that is none, or that asks for what is not there. */
export class KubeProxyConfigurationError extends Error {
  override readonly name = 'KubeProxyConfigurationError';
}

/** Reads the text of a kube-proxy configuration file. */
export async function readKubeProxyConfiguration(text: string): Promise<KubeProxySettings> {
  const { parse } = await import('yaml');
  const config = parse(text) as Partial<KubeProxyConfiguration> | null;
  if (config?.kind !== 'KubeProxyConfiguration') {
    throw new KubeProxyConfigurationError(
      `kind ${JSON.stringify(config?.kind)}: KubeProxyConfiguration is expected`,
    );
  }
  if (config.mode !== undefined && config.mode !== '' && config.mode !== 'nftables') {
    throw new KubeProxyConfigurationError(`mode ${config.mode}: not implemented yet, only nftables is`);
  }
  const { detectLocalMode } = config;
  if (detectLocalMode !== undefined && detectLocalMode !== '' && detectLocalMode !== 'ClusterCIDR') {
    throw new KubeProxyConfigurationError(
      `detectLocalMode ${detectLocalMode}: not implemented yet, only ClusterCIDR is`,
    );
  }
  return {
    hostname: config.hostnameOverride || undefined,
    kubeconfig: config.clientConnection?.kubeconfig || undefined,
    clusterCidrs: (config.clusterCIDR ?? '').split(',').filter((cidr) => cidr !== ''),
    nodePortAddresses: config.nodePortAddresses?.length ? config.nodePortAddresses : undefined,
    masqueradeAll: config.nftables?.masqueradeAll ?? false,
    healthzBindAddress: config.healthzBindAddress || undefined,
  };
}
