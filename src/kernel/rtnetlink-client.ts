import type {
  Address,
  AddressRequest,
  CreateLink,
  CreateVeth,
  Link,
  LinkRef,
  Neighbour,
  NeighbourRequest,
  Route,
  RouteRequest,
  RtnetlinkRequest,
  Rule,
  RuleRequest,
  SetLink,
} from '#wire/rtnetlink-types.ts';

type Without<T> = Omit<T, 'do'>;

/** What a network namespace's links, addresses, routes, rules and neighbours are read and changed with. */
export abstract class RtnetlinkClient implements Disposable {
  /**
   * Makes all changes, in order. Not atomic: when one fails those after it are still tried, and a
   * `RtnetlinkError` names the first.
   */
  abstract run(requests: readonly RtnetlinkRequest[]): void;
  abstract links(): Link[];
  /** Undefined when there is none. */
  abstract link(link: LinkRef): Link | undefined;
  abstract addresses(family?: 4 | 6): Address[];
  /** Of all tables, the local one included. */
  abstract routes(family?: 4 | 6): Route[];
  abstract rules(family: 4 | 6): Rule[];
  /** Without proxy entries. */
  abstract neighbours(family?: 4 | 6): Neighbour[];
  abstract [Symbol.dispose](): void;

  createVeth(veth: Without<CreateVeth>): void {
    this.run([{ do: 'createVeth', ...veth }]);
  }

  createLink(link: Without<CreateLink>): void {
    this.run([{ do: 'createLink', ...link }]);
  }

  setLink(link: LinkRef, changes: Omit<SetLink, 'do' | 'link'>): void {
    this.run([{ do: 'setLink', link, ...changes }]);
  }

  deleteLink(link: LinkRef): void {
    this.run([{ do: 'deleteLink', link }]);
  }

  addAddress(address: Without<AddressRequest>): void {
    this.run([{ do: 'addAddress', ...address }]);
  }

  replaceAddress(address: Without<AddressRequest>): void {
    this.run([{ do: 'replaceAddress', ...address }]);
  }

  deleteAddress(address: Without<AddressRequest>): void {
    this.run([{ do: 'deleteAddress', ...address }]);
  }

  addRoute(route: Without<RouteRequest>): void {
    this.run([{ do: 'addRoute', ...route }]);
  }

  replaceRoute(route: Without<RouteRequest>): void {
    this.run([{ do: 'replaceRoute', ...route }]);
  }

  deleteRoute(route: Without<RouteRequest>): void {
    this.run([{ do: 'deleteRoute', ...route }]);
  }

  addRule(rule: Without<RuleRequest>): void {
    this.run([{ do: 'addRule', ...rule }]);
  }

  deleteRule(rule: Without<RuleRequest>): void {
    this.run([{ do: 'deleteRule', ...rule }]);
  }

  addNeighbour(neighbour: Without<NeighbourRequest>): void {
    this.run([{ do: 'addNeighbour', ...neighbour }]);
  }

  replaceNeighbour(neighbour: Without<NeighbourRequest>): void {
    this.run([{ do: 'replaceNeighbour', ...neighbour }]);
  }

  deleteNeighbour(neighbour: Without<NeighbourRequest>): void {
    this.run([{ do: 'deleteNeighbour', ...neighbour }]);
  }
}
