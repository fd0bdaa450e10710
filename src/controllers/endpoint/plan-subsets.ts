/** The subsets of an Endpoints object: addresses that have the same ports belong together. Pure. */
import type { EndpointAddress, EndpointPort, EndpointSubset } from '#api/core/v1.gen.ts';
import { canonicalJson } from '#controllers/shared/template-hash.ts';

/** One address with one port (undefined: a headless Service without ports). */
export interface PortedAddress {
  address: EndpointAddress;
  ready: boolean;
  port: EndpointPort | undefined;
}

interface Gathered {
  address: EndpointAddress;
  ready: boolean;
  ports: Map<string, EndpointPort>;
}

/** Canonical: whatever the order of its input, the same set gives the same subsets in the same order. */
export function packSubsets(input: readonly PortedAddress[]): EndpointSubset[] {
  const gathered = new Map<string, Gathered>();
  for (const { address, ready, port } of input) {
    const key = `${ready} ${address.ip} ${address.targetRef?.uid ?? ''}`;
    const entry = gathered.get(key) ?? { address, ready, ports: new Map<string, EndpointPort>() };
    gathered.set(key, entry);
    if (port !== undefined) entry.ports.set(canonicalJson(port), port);
  }
  const groups = new Map<string, Gathered[]>();
  for (const entry of gathered.values()) {
    const key = [...entry.ports.keys()].sort().join(',');
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, entries]) => subsetOf(entries));
}

function subsetOf(entries: readonly Gathered[]): EndpointSubset {
  const addresses = entries.filter(({ ready }) => ready).map(({ address }) => address);
  const notReadyAddresses = entries.filter(({ ready }) => !ready).map(({ address }) => address);
  const ports = [...(entries[0]?.ports ?? [])]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, port]) => port);
  return {
    ...(addresses.length > 0 && { addresses: addresses.toSorted(byAddress) }),
    ...(notReadyAddresses.length > 0 && { notReadyAddresses: notReadyAddresses.toSorted(byAddress) }),
    ...(ports.length > 0 && { ports }),
  };
}

function byAddress(a: EndpointAddress, b: EndpointAddress): number {
  const left = `${a.ip} ${a.targetRef?.uid ?? ''}`;
  const right = `${b.ip} ${b.targetRef?.uid ?? ''}`;
  return left < right ? -1 : 1;
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
