import { readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, release, totalmem } from 'node:os';
import { KUBERNETES_VERSION } from '#api/machinery/schema.ts';
import { KUBELET_PORT, type NodeConfig } from './config.ts';
import { capabilitiesInMask } from './init/capabilities.ts';
import type { NodeFacts } from './plan-node-object.ts';

const DEFAULT_MAX_PODS = 1000;

/** What this machine is, as the Node object tells it. */
export function readNodeFacts(config: NodeConfig, rootless: boolean, portolanVersion: string): NodeFacts {
  const { nodeName, addresses, podCidrs, zone, region, labels, dataDir, maxPods = DEFAULT_MAX_PODS } = config;
  const disk = statfsSync(dataDir);
  return {
    nodeName,
    addresses,
    podCidrs,
    zone,
    region,
    labels,
    maxPods,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    diskBytes: disk.blocks * disk.bsize,
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(readText('/etc/os-release'))?.[1] ?? 'Linux',
    machineId: readText('/etc/machine-id'),
    bootId: readText('/proc/sys/kernel/random/boot_id'),
    kubernetesVersion: KUBERNETES_VERSION,
    portolanVersion,
    rootless,
    kubeletPort: KUBELET_PORT,
  };
}

/** The permitted ones of this process. */
export function ownCapabilities(): ReadonlySet<number> {
  return capabilitiesInMask(/^CapPrm:\s*([0-9a-f]+)/m.exec(readText('/proc/self/status'))?.[1] ?? '0');
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
