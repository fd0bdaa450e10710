import { parseIp } from '#lib/ip.ts';
import type { ClusterView, PodEntry, ServiceEntry, SliceEntry } from './cluster-view.ts';
import { NameFilter } from './name-filter.ts';
import { NodeNamespaces } from './node-namespaces.ts';

/** The objects by everything that names are looked up by. A change tells which look-ups it may have altered. */
export class ClusterIndex implements ClusterView {
  /** Every `NAMESPACE` and every `SERVICE.NAMESPACE`. */
  readonly names: NameFilter = new NameFilter();
  readonly #namespaces = new Set<string>();
  readonly #services = new Map<string, ServiceEntry>();
  readonly #slices = new Map<string, SliceEntry>();
  /** Lists, for nearly all have one element, and there may be very many. */
  readonly #slicesByService = new Map<string, SliceEntry[]>();
  readonly #servicesByIp = new Map<string, ServiceEntry[]>();
  readonly #servicesByExternalIp = new Map<string, ServiceEntry[]>();
  readonly #slicesByIp = new Map<string, SliceEntry[]>();
  readonly #pods = new Map<string, PodEntry>();
  readonly #podsByIp = new Map<string, PodEntry[]>();
  readonly #nodes = new NodeNamespaces();
  readonly #onChange: (lookups: readonly string[]) => void;

  /** `onChange` gets keys as made by `lookupKey`. */
  constructor(onChange: (lookups: readonly string[]) => void = () => {}) {
    this.#onChange = onChange;
  }

  setNamespace(name: string, present: boolean): void {
    if (this.#namespaces.has(name) === present) return;
    if (present) {
      this.#namespaces.add(name);
      this.names.add([name]);
    } else {
      this.#namespaces.delete(name);
      this.names.remove([name]);
    }
    this.#onChange([lookupKey.namespace(name)]);
  }

  setService(namespace: string, name: string, entry: ServiceEntry | undefined): void {
    const key = `${namespace}/${name}`;
    const old = this.#services.get(key);
    for (const ip of old?.clusterIps ?? []) drop(this.#servicesByIp, canonical(ip), old);
    for (const ip of old?.externals ?? []) drop(this.#servicesByExternalIp, canonical(ip), old);
    if (entry === undefined) this.#services.delete(key);
    else this.#services.set(key, entry);
    if (old === undefined && entry !== undefined) this.names.add([name, namespace]);
    if (old !== undefined && entry === undefined) this.names.remove([name, namespace]);
    for (const ip of entry?.clusterIps ?? []) put(this.#servicesByIp, canonical(ip), entry);
    for (const ip of entry?.externals ?? []) put(this.#servicesByExternalIp, canonical(ip), entry);
    const ips = new Set(
      [old, entry].flatMap((each) => [...(each?.clusterIps ?? []), ...(each?.externals ?? [])]),
    );
    this.#onChange([
      lookupKey.service(namespace, name),
      ...[...ips].map((ip) => lookupKey.ip(canonical(ip))),
    ]);
  }

  /** `sliceKey` is `NAMESPACE/NAME` of the EndpointSlice. */
  setSlice(sliceKey: string, entry: SliceEntry | undefined): void {
    const old = this.#slices.get(sliceKey);
    if (old !== undefined) {
      drop(this.#slicesByService, `${old.namespace}/${old.service}`, old);
      for (const { address } of old.addresses) drop(this.#slicesByIp, canonical(address), old);
      this.#slices.delete(sliceKey);
    }
    if (entry !== undefined) {
      this.#slices.set(sliceKey, entry);
      put(this.#slicesByService, `${entry.namespace}/${entry.service}`, entry);
      for (const { address } of entry.addresses) put(this.#slicesByIp, canonical(address), entry);
    }
    const lookups = new Set<string>();
    for (const slice of [old, entry]) {
      if (slice === undefined) continue;
      lookups.add(lookupKey.service(slice.namespace, slice.service));
      for (const { address } of slice.addresses) lookups.add(lookupKey.ip(canonical(address)));
    }
    this.#onChange([...lookups]);
  }

  /** `podKey` is `NAMESPACE/NAME` of the Pod. */
  setPod(podKey: string, entry: PodEntry | undefined): void {
    const old = this.#pods.get(podKey);
    for (const address of old?.addresses ?? []) drop(this.#podsByIp, canonical(address), old);
    if (old !== undefined) this.#nodes.remove(old);
    if (entry !== undefined) this.#nodes.add(entry);
    if (entry === undefined) this.#pods.delete(podKey);
    else this.#pods.set(podKey, entry);
    for (const address of entry?.addresses ?? []) put(this.#podsByIp, canonical(address), entry);
    const ips = new Set([...(old?.addresses ?? []), ...(entry?.addresses ?? [])]);
    this.#onChange([...ips].map((address) => lookupKey.pod(canonical(address))));
  }

  /** All of them: for zone transfers. */
  services(): Iterable<ServiceEntry> {
    return this.#services.values();
  }

  hasNamespace(name: string): boolean {
    return this.#namespaces.has(name);
  }

  service(namespace: string, name: string): ServiceEntry | undefined {
    return this.#services.get(`${namespace}/${name}`);
  }

  slices(namespace: string, service: string): Iterable<SliceEntry> {
    return this.#slicesByService.get(`${namespace}/${service}`) ?? [];
  }

  servicesByIp(address: string): Iterable<ServiceEntry> {
    return this.#servicesByIp.get(address) ?? [];
  }

  servicesByExternalIp(address: string): Iterable<ServiceEntry> {
    return this.#servicesByExternalIp.get(address) ?? [];
  }

  slicesByIp(address: string): Iterable<SliceEntry> {
    return this.#slicesByIp.get(address) ?? [];
  }

  podsByIp(address: string): Iterable<PodEntry> {
    return this.#podsByIp.get(address) ?? [];
  }

  /** Of the pods that run on the node with this canonical address; none where it is no node's. */
  namespacesOnNode(address: string): Iterable<string> {
    return this.#nodes.at(address);
  }
}

/** Names of look-ups, so that what was made from them can be found when they change. */
export const lookupKey = {
  namespace: (name: string): string => `namespace ${name}`,
  /** The Service and its EndpointSlices. */
  service: (namespace: string, name: string): string => `service ${namespace}/${name}`,
  ip: (address: string): string => `ip ${address}`,
  pod: (address: string): string => `pod ${address}`,
};

/** A view that notes down what was looked up. */
export class TracingView implements ClusterView {
  readonly lookups = new Set<string>();
  readonly #view: ClusterView;

  constructor(view: ClusterView) {
    this.#view = view;
  }

  hasNamespace(name: string): boolean {
    this.lookups.add(lookupKey.namespace(name));
    return this.#view.hasNamespace(name);
  }

  service(namespace: string, name: string): ServiceEntry | undefined {
    this.lookups.add(lookupKey.service(namespace, name));
    return this.#view.service(namespace, name);
  }

  slices(namespace: string, service: string): Iterable<SliceEntry> {
    this.lookups.add(lookupKey.service(namespace, service));
    return this.#view.slices(namespace, service);
  }

  servicesByIp(address: string): Iterable<ServiceEntry> {
    this.lookups.add(lookupKey.ip(address));
    return this.#view.servicesByIp(address);
  }

  servicesByExternalIp(address: string): Iterable<ServiceEntry> {
    this.lookups.add(lookupKey.ip(address));
    return this.#view.servicesByExternalIp(address);
  }

  slicesByIp(address: string): Iterable<SliceEntry> {
    this.lookups.add(lookupKey.ip(address));
    return this.#view.slicesByIp(address);
  }

  podsByIp(address: string): Iterable<PodEntry> {
    this.lookups.add(lookupKey.pod(address));
    return this.#view.podsByIp(address);
  }
}

function canonical(address: string): string {
  return parseIp(address) ?? address;
}

function put<T>(index: Map<string, T[]>, key: string, value: T | undefined): void {
  if (value === undefined) return;
  const values = index.get(key);
  if (values === undefined) index.set(key, [value]);
  else if (!values.includes(value)) values.push(value);
}

function drop<T>(index: Map<string, T[]>, key: string, value: T | undefined): void {
  const values = index.get(key)?.filter((each) => each !== value) ?? [];
  if (values.length === 0) index.delete(key);
  else index.set(key, values);
}
