import { isHeadless, needsClusterIp, needsHealthCheckNodePort, specOf } from '#api/core/service-facts.ts';
import { planServiceFamilies } from '#api/core/service-families.ts';
import type { Service, ServiceSpec } from '#api/core/v1.gen.ts';
import { invalid as invalidField } from '#api/machinery/field-error.ts';
import { type KubeObject, metaOf } from '#api/machinery/object.ts';
import { internalError, invalid } from '#api/machinery/status-error.ts';
import type { Cache, ObjectWrite } from '#apiserver/cache/cache.ts';
import type { ApiServerConfig } from '#apiserver/config.ts';
import { type CompanionPlan, type Companions, NO_PLAN } from '#apiserver/engine/companions.ts';
import { AllocationError, NodePorts, type PortOperation } from './node-ports.ts';
import { type Family, ServiceAddresses } from './service-addresses.ts';
import { allocatePorts, updatePorts } from './service-ports.ts';

const KIND = { group: '', kind: 'Service' };

export const DEFAULT_SERVICE_RANGES = ['10.96.0.0/16'];
export const DEFAULT_NODE_PORTS = { from: 30_000, to: 32_767 };

/** Gives Services their cluster addresses, node ports and health check ports, and takes them back. */
export function serviceCompanions(
  cache: Cache,
  config: Pick<ApiServerConfig, 'serviceRanges' | 'nodePortRange'>,
): Companions {
  const addresses = new ServiceAddresses(cache, config.serviceRanges ?? DEFAULT_SERVICE_RANGES);
  const ports = new NodePorts(cache, config.nodePortRange ?? DEFAULT_NODE_PORTS);
  return {
    create: (object, dryRun) => new Allocation(object, addresses, ports, dryRun).create(),
    update: (object, old, dryRun) => new Allocation(object, addresses, ports, dryRun).update(old),
    delete(old) {
      const writes = addressesOf(old).map((address) => addresses.unclaim(address));
      return { ...NO_PLAN, writes: writes.filter((write) => write !== undefined) };
    },
  };
}

/** The allocations of one write of one Service. */
class Allocation implements CompanionPlan {
  readonly writes: ObjectWrite[] = [];
  readonly #service: Service;
  readonly #spec: ServiceSpec;
  readonly #addresses: ServiceAddresses;
  readonly #ports: PortOperation;
  readonly #dryRun: boolean;
  readonly #taken: string[] = [];

  constructor(object: KubeObject, addresses: ServiceAddresses, ports: NodePorts, dryRun: boolean) {
    this.#service = object;
    this.#spec = specOf(this.#service);
    this.#addresses = addresses;
    this.#ports = ports.begin();
    this.#dryRun = dryRun;
  }

  create(): this {
    return this.#guarded(() => {
      this.#planFamilies(undefined);
      if (wantsAddresses(this.#service)) this.#allocateAddresses();
      if (mayHaveNodePorts(this.#service)) allocatePorts(this.#service, this.#ports);
      if (needsHealthCheckNodePort(this.#service)) this.#allocateHealthCheckPort();
    });
  }

  update(old: Service): this {
    return this.#guarded(() => {
      this.#planFamilies(old);
      this.#updateAddresses(old);
      if (mayHaveNodePorts(this.#service)) updatePorts(this.#service, old.spec ?? {}, this.#ports);
      if (needsHealthCheckNodePort(this.#service) && !needsHealthCheckNodePort(old))
        this.#allocateHealthCheckPort();
    });
  }

  done(): void {
    this.#ports.done();
    for (const address of this.#taken) this.#addresses.release(address);
  }

  #guarded(allocate: () => void): this {
    try {
      allocate();
    } catch (error) {
      this.done();
      throw error;
    }
    return this;
  }

  #planFamilies(old: Service | undefined): void {
    const errors = planServiceFamilies(this.#service, old, this.#addresses.families);
    if (errors.length > 0) throw invalid(KIND, this.#name, errors);
  }

  /** One address per family, those that the client gave included. */
  #allocateAddresses(): void {
    const families = (this.#spec.ipFamilies ?? []) as Family[];
    const given = this.#spec.clusterIPs ?? [];
    this.#spec.clusterIPs = families.map((family, i) => this.#allocateAddress(family, given[i]));
    this.#spec.clusterIP = this.#spec.clusterIPs[0];
  }

  /** All for one that had none, a second one, or what is no longer wanted back. A headless Service stays headless. */
  #updateAddresses(old: Service): void {
    if (isHeadless(old)) return;
    const before = addressesOf(old);
    const families = (this.#spec.ipFamilies ?? []) as Family[];
    if (!needsClusterIp(this.#service)) {
      this.#release(before);
    } else if (wantsAddresses(this.#service) && !needsClusterIp(old)) {
      this.#allocateAddresses();
    } else if (before.length === 1 && families.length === 2) {
      const second = this.#allocateAddress(families[1] ?? 'IPv6', this.#spec.clusterIPs?.[1]);
      this.#spec.clusterIPs = [...(this.#spec.clusterIPs ?? []).slice(0, 1), second];
    } else if (before.length === 2 && families.length === 1) {
      this.#release(before.slice(1));
    }
  }

  #allocateAddress(family: Family, wanted: string | undefined): string {
    if (this.#dryRun && !wanted) return this.#addresses.placeholder(family);
    try {
      const address = wanted || this.#addresses.takeNext(family);
      if (wanted) this.#addresses.take(wanted, this.#dryRun);
      this.#taken.push(address);
      const { namespace = '', name = '' } = metaOf(this.#service);
      this.writes.push(this.#addresses.claim(address, { namespace, name }));
      return address;
    } catch (error) {
      if (!(error instanceof AllocationError)) throw error;
      if (!wanted) throw internalError(`failed to allocate a serviceIP: ${error.message}`);
      throw invalid(KIND, this.#name, [
        invalidField('spec.clusterIPs', [wanted], `failed to allocate IP ${wanted}: ${error.message}`),
      ]);
    }
  }

  #release(addresses: readonly string[]): void {
    for (const address of addresses) {
      const write = this.#addresses.unclaim(address);
      if (write !== undefined) this.writes.push(write);
    }
  }

  #allocateHealthCheckPort(): void {
    const wanted = this.#spec.healthCheckNodePort;
    try {
      if (wanted) this.#ports.take(wanted);
      else this.#spec.healthCheckNodePort = this.#ports.takeNext();
    } catch (error) {
      if (!(error instanceof AllocationError)) throw error;
      throw internalError(
        wanted
          ? `failed to allocate requested HealthCheck NodePort ${wanted}: ${error.message}`
          : `failed to allocate a HealthCheck NodePort: ${error.message}`,
      );
    }
  }

  get #name(): string {
    return metaOf(this.#service).name ?? '';
  }
}

/** Also a Service of a type that does not exist: allocation comes before validation. */
function wantsAddresses(service: Service): boolean {
  return service.spec?.type !== 'ExternalName' && !isHeadless(service);
}

/** Ports that are asked for are given even where none would be given unasked. */
function mayHaveNodePorts({ spec }: Service): boolean {
  return spec?.type === 'NodePort' || spec?.type === 'LoadBalancer';
}

/** The addresses that a stored Service holds. */
function addressesOf(service: Service): readonly string[] {
  return wantsAddresses(service) ? (service.spec?.clusterIPs ?? []) : [];
}
