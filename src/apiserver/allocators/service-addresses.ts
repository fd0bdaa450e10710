import { randomUUID } from 'node:crypto';
import { formatTime } from '#api/machinery/time.ts';
import type { IPAddress, ServiceCIDR } from '#api/networking/v1.gen.ts';
import type { Cache, ObjectWrite } from '#apiserver/cache/cache.ts';
import { toStoredText } from '#apiserver/cache/stored-form.ts';
import { Cidr, ipFamily } from '#lib/ip.ts';
import { ADDRESS_BANDS, pickFree } from './bands.ts';
import { AllocationError } from './node-ports.ts';

export type Family = 'IPv4' | 'IPv6';

const ADDRESSES = 'ipaddresses.networking.k8s.io';

/** No range is searched further than this. */
const MAX_SEARCH = 2 ** 30;

export function familyOf(address: string): Family {
  return ipFamily(address) === 4 ? 'IPv4' : 'IPv6';
}

/** The cluster addresses of Services. An address is taken when its IPAddress object exists. */
export class ServiceAddresses {
  readonly #cache: Cache;
  readonly #configured: readonly Cidr[];
  readonly #reserved = new Set<string>();

  constructor(cache: Cache, ranges: readonly string[]) {
    this.#cache = cache;
    this.#configured = ranges.map((range) => Cidr.of(range));
  }

  /** The families of the configured ranges, the primary one first. */
  get families(): Family[] {
    return this.#configured.map((range) => (range.family === 4 ? 'IPv4' : 'IPv6'));
  }

  /** Takes a certain address. Throws AllocationError. A dry run does not look whether it is free, as upstream. */
  take(address: string, dryRun: boolean): void {
    const ranges = this.#ranges(familyOf(address));
    if (!ranges.some((range) => isUsable(range, address))) {
      const valid = ranges.map((range) => range.format()).join(', ');
      throw new AllocationError(
        `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${valid}`,
      );
    }
    if (dryRun) return;
    if (!this.#isFree(address)) throw new AllocationError('provided IP is already allocated');
    this.#reserved.add(address);
  }

  /** Takes any address of a family. Throws AllocationError. */
  takeNext(family: Family): string {
    for (const range of this.#ranges(family)) {
      const size = usableSize(range);
      const found = pickFree(size, ADDRESS_BANDS, (n) => this.#isFree(range.nthAddress(n + 1)));
      if (found === undefined) continue;
      const address = range.nthAddress(found + 1);
      this.#reserved.add(address);
      return address;
    }
    throw new AllocationError('range is full');
  }

  /** What a dry run answers with: the range's first address, which nobody gets. */
  placeholder(family: Family): string {
    return this.#ranges(family)[0]?.network ?? '';
  }

  /** Ends a reservation: by now the IPAddress exists, or the write has failed. */
  release(address: string): void {
    this.#reserved.delete(address);
  }

  /** Writes the IPAddress of a Service. */
  claim(address: string, service: { namespace: string; name: string }): ObjectWrite {
    const object: IPAddress = {
      kind: 'IPAddress',
      apiVersion: 'networking.k8s.io/v1',
      metadata: {
        name: address,
        uid: randomUUID(),
        creationTimestamp: formatTime(Date.now()),
        labels: {
          'ipaddress.kubernetes.io/ip-family': familyOf(address),
          'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
        },
      },
      spec: { parentRef: { resource: 'services', ...service } },
    };
    return { resource: ADDRESSES, key: address, stored: toStoredText(object), expectedRevision: 0 };
  }

  /** Deletes the IPAddress, if it is there. */
  unclaim(address: string): ObjectWrite | undefined {
    const entry = this.#cache.resource(ADDRESSES).get(address);
    return (
      entry && { resource: ADDRESSES, key: address, stored: undefined, expectedRevision: entry.revision }
    );
  }

  #isFree(address: string): boolean {
    return !this.#reserved.has(address) && this.#cache.resource(ADDRESSES).get(address) === undefined;
  }

  /** The configured ranges, and those of ServiceCIDR objects. */
  #ranges(family: Family): Cidr[] {
    const configured = this.#configured.filter((range) => range.family === (family === 'IPv4' ? 4 : 6));
    const objects = this.#cache.list<ServiceCIDR>('servicecidrs.networking.k8s.io').filter(isInUse);
    const added = objects.flatMap((object) => object.spec?.cidrs ?? []).map((text) => Cidr.of(text));
    const ranges = [...configured, ...added.filter((range) => range.family === (family === 'IPv4' ? 4 : 6))];
    return [...new Map(ranges.map((range) => [range.format(), range])).values()];
  }
}

/** A range can be used from its creation on, until it is deleted or a controller says that it is not ready. */
function isInUse({ metadata, status }: ServiceCIDR): boolean {
  const refused =
    status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'False') ?? false;
  return !refused && metadata?.deletionTimestamp === undefined;
}

/** All but the network address and, of IPv4, the broadcast address. */
function usableSize(range: Cidr): number {
  const size = range.size - (range.family === 4 ? 2n : 1n);
  return Number(size > BigInt(MAX_SEARCH) ? BigInt(MAX_SEARCH) : size);
}

function isUsable(range: Cidr, address: string): boolean {
  if (!range.contains(address) || address === range.network) return false;
  return range.family === 6 || address !== range.broadcast;
}
