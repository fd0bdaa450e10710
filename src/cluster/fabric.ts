import { closeSync } from 'node:fs';
import type { Rtnetlink } from '#kernel/rtnetlink.ts';
import type { FamilyPlan } from './plan-addresses.ts';
import {
  type FabricHost,
  linkName,
  planDivert,
  planFabricBase,
  planHostSide,
  planLink,
} from './plan-fabric.ts';

/** What the fabric needs of the system: `fabricSystem()` is the real one. */
export interface FabricSystem {
  createNamespace(): number;
  openRtnetlink(netns: number): Rtnetlink;
  /** Lets the namespace forward packets of these families. */
  enableForwarding(netns: number, families: readonly FamilyPlan[]): void;
}

/** The router between the hosts of a cluster: a namespace with a routed link to each, no bridge. */
export class Fabric implements Disposable {
  /** Descriptor of the fabric's own namespace. */
  readonly netns: number;
  readonly #families: readonly FamilyPlan[];
  readonly #system: FabricSystem;
  readonly #rtnetlink: Rtnetlink;
  readonly #hosts = new Map<string, FabricHost>();

  constructor(families: readonly FamilyPlan[], system: FabricSystem) {
    this.#families = families;
    this.#system = system;
    this.netns = system.createNamespace();
    this.#rtnetlink = system.openRtnetlink(this.netns);
    system.enableForwarding(this.netns, families);
    this.#rtnetlink.run([...planFabricBase(families), ...planDivert(families)]);
  }

  /** Joins a host whose namespace is given by a descriptor; one of the same name is taken off first. */
  attach(host: FabricHost, netns: number): void {
    this.detach(host.name);
    this.#hosts.set(host.name, host);
    this.#rtnetlink.run(planLink(host, netns));
    using hostSide = this.#system.openRtnetlink(netns);
    hostSide.run(planHostSide(host, this.#families));
  }

  /** Takes a host off, if it is there; its routes go with its link. */
  detach(name: string): void {
    const host = this.#hosts.get(name);
    this.#hosts.delete(name);
    // With the namespace of its other end a link goes by itself.
    if (host !== undefined && this.#rtnetlink.link(linkName(host)) !== undefined) {
      this.#rtnetlink.run([{ do: 'deleteLink', link: linkName(host) }]);
    }
  }

  [Symbol.dispose](): void {
    this.#rtnetlink[Symbol.dispose]();
    closeSync(this.netns);
  }
}
