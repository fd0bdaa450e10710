/** The subsets of an Endpoints object: addresses that have the same ports belong together. Pure. */
import type { EndpointAddress, EndpointPort, EndpointSubset } from '#api/core/v1.gen.ts';
import { canonicalJson } from '#controllers/shared/template-hash.ts';

/** One address with one port (undefined: a headless Service without ports). */
export interface PortedAddress {
  address: EndpointAddress;
  ready: boolean;
  port: EndpointPort | undefined;
}

interface PortGroup {
  ports: EndpointPort[];
  ready: Map<string, EndpointAddress>;
  notReady: Map<string, EndpointAddress>;
}

/** Canonical: whatever the order of its input, the same set gives the same subsets in the same order. */
export function packSubsets(input: readonly PortedAddress[]): EndpointSubset[] {
  const byPort = new Map<string, PortGroup>();
  for (const { address, ready, port } of input) {
    const key = port === undefined ? '' : canonicalJson(port);
    const group = byPort.get(key) ?? { ports: port ? [port] : [], ready: new Map(), notReady: new Map() };
    byPort.set(key, group);
    (ready ? group.ready : group.notReady).set(addressKey(address), address);
  }
  // Ports that lead to the very same addresses share a subset.
  const byAddresses = new Map<string, PortGroup>();
  for (const [, group] of [...byPort].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const addresses = [group.ready, group.notReady].map((all) => [...all.keys()].sort().join(','));
    const key = [group.ports.length, ...addresses].join(';');
    const same = byAddresses.get(key);
    if (same === undefined) byAddresses.set(key, group);
    else same.ports.push(...group.ports);
  }
  return [...byAddresses.values()].map(subsetOf);
}

function addressKey({ ip, targetRef }: EndpointAddress): string {
  return `${ip} ${targetRef?.uid ?? ''}`;
}

function subsetOf({ ports, ready, notReady }: PortGroup): EndpointSubset {
  const addresses = [...ready.values()].toSorted(byAddress);
  const notReadyAddresses = [...notReady.values()].toSorted(byAddress);
  return {
    ...(addresses.length > 0 && { addresses }),
    ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
    ...(ports.length > 0 && { ports }),
  };
}

function byAddress(a: EndpointAddress, b: EndpointAddress): number {
  return addressKey(a) < addressKey(b) ? -1 : 1;
}

/** An Endpoints object holds no more addresses than this. */
export const CAPACITY = 1000;

/** Cuts down to the capacity: ready addresses first, from each subset in proportion. Undefined: all fit. */
export function truncate(subsets: readonly EndpointSubset[]): EndpointSubset[] | undefined {
  const count = (of: (subset: EndpointSubset) => unknown[] | undefined): number =>
    subsets.reduce((sum, subset) => sum + (of(subset)?.length ?? 0), 0);
  const ready = count((subset) => subset.addresses);
  const notReady = count((subset) => subset.notReadyAddresses);
  if (ready + notReady <= CAPACITY) return undefined;
  const share = sharer(ready, Math.min(ready, CAPACITY));
  const shareNotReady = sharer(notReady, Math.max(0, CAPACITY - ready));
  return subsets
    .map((subset) => {
      const addresses = share(subset.addresses ?? []);
      const notReadyAddresses = shareNotReady(subset.notReadyAddresses ?? []);
      return {
        ...(addresses.length > 0 && { addresses }),
        ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
        ...(subset.ports && { ports: subset.ports }),
      };
    })
    .filter((subset) => subset.addresses !== undefined || subset.notReadyAddresses !== undefined);
}

/** Hands out `allowed` of `total` in proportion, list by list; what rounding leaves goes to the later ones. */
function sharer(total: number, allowed: number): <T>(list: readonly T[]) => T[] {
  let seen = 0;
  let given = 0;
  return (list) => {
    seen += list.length;
    const upTo = total === 0 ? 0 : Math.floor((seen * allowed) / total);
    const part = list.slice(0, upTo - given);
    given += part.length;
    return part;
  };
}
