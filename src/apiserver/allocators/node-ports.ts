import type { Service } from '#api/core/v1.gen.ts';
import type { ObjectReader } from '#apiserver/reader.ts';
import { PORT_BANDS, pickFree } from './bands.ts';

/** A number that cannot be given; the message is upstream's. */
export class AllocationError extends Error {
  override readonly name = 'AllocationError';
}

/** The node ports and health check node ports of all Services. Follows the stored objects; holds what is being given out. */
export class NodePorts {
  readonly #from: number;
  readonly #to: number;
  /** How many Services hold a port. */
  readonly #held = new Map<number, number>();
  readonly #reserved = new Set<number>();

  constructor(objects: ObjectReader, { from, to }: { from: number; to: number }) {
    this.#from = from;
    this.#to = to;
    for (const service of objects.list<Service>('services')) this.#count(service, 1);
    objects.onChange<Service>('services', ({ type, object, previous }) => {
      if (previous !== undefined) this.#count(previous, -1);
      if (type !== 'DELETED') this.#count(object, 1);
    });
  }

  /** Starts giving out ports for one write of one Service. */
  begin(): PortOperation {
    return new PortOperation(this, this.#reserved);
  }

  /** Throws AllocationError when the port is not to be had. */
  check(port: number): void {
    if (port < this.#from || port > this.#to) {
      throw new AllocationError(
        `provided port is not in the valid range. The range of valid ports is ${this.#from}-${this.#to}`,
      );
    }
    if (!this.#isFree(port)) throw new AllocationError('provided port is already allocated');
  }

  /** A free port that is not in `taken` either. Throws AllocationError. */
  next(taken: ReadonlySet<number>): number {
    const found = pickFree(
      this.#to - this.#from + 1,
      PORT_BANDS,
      (n) => this.#isFree(this.#from + n) && !taken.has(this.#from + n),
    );
    if (found === undefined) throw new AllocationError('range is full');
    return this.#from + found;
  }

  #isFree(port: number): boolean {
    return !this.#held.has(port) && !this.#reserved.has(port);
  }

  #count(service: Service, by: 1 | -1): void {
    for (const port of portsOf(service)) {
      const count = (this.#held.get(port) ?? 0) + by;
      if (count > 0) this.#held.set(port, count);
      else this.#held.delete(port);
    }
  }
}

/** Ports given out for one write. */
export class PortOperation {
  readonly #ports: NodePorts;
  readonly #reserved: Set<number>;
  readonly #mine = new Set<number>();

  constructor(ports: NodePorts, reserved: Set<number>) {
    this.#ports = ports;
    this.#reserved = reserved;
  }

  /** Takes a certain port. Throws AllocationError. */
  take(port: number): void {
    this.#ports.check(port);
    this.#reserve(port);
  }

  /** Takes any port. Throws AllocationError. */
  takeNext(): number {
    const port = this.#ports.next(this.#mine);
    this.#reserve(port);
    return port;
  }

  /** Lets go: by now the Service holds its ports, or there is none. */
  done(): void {
    for (const port of this.#mine) this.#reserved.delete(port);
  }

  #reserve(port: number): void {
    this.#mine.add(port);
    this.#reserved.add(port);
  }
}

function portsOf({ spec }: Service): Set<number> {
  const ports = (spec?.ports ?? []).map((port) => port.nodePort ?? 0);
  return new Set([...ports, spec?.healthCheckNodePort ?? 0].filter((port) => port > 0));
}
