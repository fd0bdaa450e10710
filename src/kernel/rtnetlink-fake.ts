import { Cidr } from '#lib/ip.ts';
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
  VethEnd,
} from '#wire/rtnetlink-types.ts';
import { RtnetlinkClient } from './rtnetlink-client.ts';
import { RtnetlinkError } from './rtnetlink-error.ts';

const ENOENT = 2;
const ESRCH = 3;
const EEXIST = 17;
const ENODEV = 19;
const EADDRNOTAVAIL = 99;
const ENETUNREACH = 101;

const MAIN_TABLE = 254;
const DEFAULT_MTU = 1500;
const LOOPBACK: Link = {
  index: 1,
  name: 'lo',
  up: false,
  running: false,
  loopback: true,
  mtu: 65_536,
  mac: '00:00:00:00:00:00',
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** One namespace's state. A link's other end is found through the network. */
interface FakeNamespace {
  links: Array<Mutable<Link> & { peerNamespace?: FakeNamespace | undefined }>;
  addresses: Address[];
  routes: Route[];
  rules: Rule[];
  neighbours: Neighbour[];
}

/** Namespaces in memory, joined by veth pairs; descriptors are made-up numbers. No packet passes them. */
export class FakeNetwork {
  readonly #namespaces = new Map<number, FakeNamespace>([[0, emptyNamespace()]]);

  /** 0, the default, is the namespace that one is in. */
  open(netns = 0): RtnetlinkClient {
    return new FakeRtnetlink(this.namespace(netns), this);
  }

  createNamespace(): number {
    const netns = this.#namespaces.size;
    this.#namespaces.set(netns, emptyNamespace());
    return netns;
  }

  namespace(netns: number): FakeNamespace {
    const namespace = this.#namespaces.get(netns);
    if (namespace === undefined) throw new Error(`descriptor ${netns} is no namespace of this network`);
    return namespace;
  }
}

class FakeRtnetlink extends RtnetlinkClient {
  readonly #here: FakeNamespace;
  readonly #network: FakeNetwork;

  constructor(here: FakeNamespace, network: FakeNetwork) {
    super();
    this.#here = here;
    this.#network = network;
  }

  run(requests: readonly RtnetlinkRequest[]): void {
    const failures: Array<{ request: RtnetlinkRequest; errno: number }> = [];
    for (const request of requests) {
      const errno = this.#apply(request);
      if (errno !== 0) failures.push({ request, errno });
    }
    const [first] = failures;
    if (first !== undefined)
      throw new RtnetlinkError(first.request, first.errno, { failed: failures.length });
  }

  links(): Link[] {
    return this.#here.links.map((link) => ({ ...link, peerNamespace: undefined }));
  }

  link(link: LinkRef): Link | undefined {
    return this.links().find(({ index, name }) => index === link || name === link);
  }

  addresses(family?: 4 | 6): Address[] {
    return this.#here.addresses.filter((address) => family === undefined || address.family === family);
  }

  routes(family?: 4 | 6): Route[] {
    return this.#here.routes.filter((route) => family === undefined || route.family === family);
  }

  rules(family: 4 | 6): Rule[] {
    return this.#here.rules.filter((rule) => rule.family === family);
  }

  neighbours(family?: 4 | 6): Neighbour[] {
    return this.#here.neighbours.filter(
      ({ address }) => family === undefined || address.includes(':') === (family === 6),
    );
  }

  [Symbol.dispose](): void {}

  /** The errno of a change, 0 when it was made. */
  #apply(request: RtnetlinkRequest): number {
    switch (request.do) {
      case 'createVeth':
        return this.#createVeth(request);
      case 'createLink':
        return this.#createLink(request);
      case 'setLink':
        return this.#setLink(request);
      case 'deleteLink':
        return this.#deleteLink(request.link);
      case 'addAddress':
      case 'replaceAddress':
      case 'deleteAddress':
        return this.#changeAddress(request);
      case 'addRoute':
      case 'replaceRoute':
      case 'deleteRoute':
        return this.#changeRoute(request);
      case 'addRule':
      case 'deleteRule':
        return this.#changeRule(request);
      default:
        return this.#changeNeighbour(request);
    }
  }

  #createVeth(request: CreateVeth): number {
    const there = request.peer.netns === undefined ? this.#here : this.#network.namespace(request.peer.netns);
    const [own, peer] = [newLink(this.#here, request, 'veth'), newLink(there, request.peer, 'veth')];
    if (own === undefined || peer === undefined) return EEXIST;
    this.#here.links.push({ ...own, peer: peer.index, peerNamespace: there });
    there.links.push({ ...peer, peer: own.index, peerNamespace: this.#here });
    return 0;
  }

  #createLink(request: CreateLink): number {
    const link = newLink(this.#here, request, request.kind);
    if (link === undefined) return EEXIST;
    this.#here.links.push(link);
    return 0;
  }

  #setLink({ link: ref, up, mtu, mac, master, name, netns }: SetLink): number {
    const link = this.#find(ref);
    if (link === undefined) return ENODEV;
    if (up !== undefined) link.up = up;
    if (mtu !== undefined) link.mtu = mtu;
    if (mac !== undefined) link.mac = mac;
    if (name !== undefined) link.name = name;
    if (master !== undefined) link.master = master === null ? undefined : this.#find(master)?.index;
    updateCarrier(link);
    if (netns === undefined) return 0;
    const there = this.#network.namespace(netns);
    const peer = link.peerNamespace?.links.find(({ index }) => index === link.peer);
    if (peer !== undefined) peer.peerNamespace = there;
    forget(this.#here, link.index);
    const index = there.links.some((other) => other.index === link.index) ? nextIndex(there) : link.index;
    there.links.push({ ...link, index, up: false, running: false, master: undefined });
    if (peer !== undefined) peer.peer = index;
    return 0;
  }

  #deleteLink(ref: LinkRef): number {
    const link = this.#find(ref);
    if (link === undefined) return ENODEV;
    if (link.peerNamespace !== undefined && link.peer !== undefined) forget(link.peerNamespace, link.peer);
    forget(this.#here, link.index);
    return 0;
  }

  #changeAddress(request: AddressRequest): number {
    const { addresses } = this.#here;
    const link = this.#find(request.link);
    if (link === undefined) return ENODEV;
    const cidr = Cidr.of(request.address);
    const address = `${cidr.address}/${cidr.prefixLength}`;
    const at = addresses.findIndex((other) => other.index === link.index && other.address === address);
    if (request.do === 'deleteAddress') {
      if (at < 0) return EADDRNOTAVAIL;
      addresses.splice(at, 1);
    } else if (at < 0) {
      const { family } = cidr;
      addresses.push({
        index: link.index,
        address,
        family,
        scope: request.scope ?? 'global',
        tentative: false,
      });
    } else if (request.do === 'addAddress') return EEXIST;
    return 0;
  }

  #changeRoute(request: RouteRequest): number {
    const { routes } = this.#here;
    const route = this.#routeOf(request);
    if (typeof route === 'number') return route;
    const at = routes.findIndex(
      ({ destination, table, metric }) =>
        destination === route.destination && table === route.table && metric === route.metric,
    );
    if (request.do === 'deleteRoute') {
      if (at < 0) return ESRCH;
      routes.splice(at, 1);
      return 0;
    }
    if (at >= 0 && request.do === 'addRoute') return EEXIST;
    routes.splice(at < 0 ? routes.length : at, at < 0 ? 0 : 1, route);
    return 0;
  }

  /** The route of a request, or the errno when its link or gateway is not there. */
  #routeOf(request: RouteRequest): Route | number {
    const { network, family, prefixLength } = Cidr.of(request.destination);
    const link = request.link === undefined ? undefined : this.#find(request.link);
    if (request.link !== undefined && link === undefined) return ENODEV;
    const index = link?.index ?? (request.via === undefined ? undefined : this.#linkTowards(request.via));
    const isDelete = request.do === 'deleteRoute';
    if (request.via !== undefined && index === undefined && !isDelete) return ENETUNREACH;
    return {
      family,
      destination: `${network}/${prefixLength}`,
      type: request.type ?? 'unicast',
      table: request.table ?? MAIN_TABLE,
      scope: request.scope ?? (request.via === undefined && index !== undefined ? 'link' : 'global'),
      via: request.via,
      index,
      source: request.source,
      metric: request.metric,
      protocol: request.protocol ?? 4,
    };
  }

  #linkTowards(gateway: string): number | undefined {
    return this.#here.routes.find(
      ({ via, destination }) => via === undefined && Cidr.of(destination).contains(gateway),
    )?.index;
  }

  #changeRule(request: RuleRequest): number {
    const { rules } = this.#here;
    const { do: _, action = 'lookup', priority = 0, table, ...rest } = request;
    const rule: Rule = {
      ...rest,
      priority,
      action,
      table: action === 'lookup' ? (table ?? MAIN_TABLE) : undefined,
    };
    const at = rules.findIndex((other) => JSON.stringify(other) === JSON.stringify(rule));
    if (request.do === 'deleteRule') {
      if (at < 0) return ENOENT;
      rules.splice(at, 1);
    } else if (at < 0) rules.push(rule);
    else return EEXIST;
    return 0;
  }

  #changeNeighbour(request: NeighbourRequest): number {
    const { neighbours } = this.#here;
    const link = this.#find(request.link);
    if (link === undefined) return ENODEV;
    const { address, mac, state = 'permanent', proxy = false } = request;
    const at = neighbours.findIndex((other) => other.index === link.index && other.address === address);
    if (request.do === 'deleteNeighbour') {
      if (at < 0) return ENOENT;
      neighbours.splice(at, 1);
      return 0;
    }
    if (at >= 0 && request.do === 'addNeighbour') return EEXIST;
    neighbours.splice(at < 0 ? neighbours.length : at, at < 0 ? 0 : 1, {
      index: link.index,
      address,
      mac,
      state,
      proxy,
    });
    return 0;
  }

  #find(ref: LinkRef): FakeNamespace['links'][number] | undefined {
    return this.#here.links.find(({ index, name }) => index === ref || name === ref);
  }
}

function emptyNamespace(): FakeNamespace {
  return { links: [{ ...LOOPBACK }], addresses: [], routes: [], rules: [], neighbours: [] };
}

/** Undefined when its name or index is taken. */
function newLink(namespace: FakeNamespace, end: VethEnd, kind: string): Link | undefined {
  const index = end.index ?? nextIndex(namespace);
  if (namespace.links.some((link) => link.name === end.name || link.index === index)) return undefined;
  const { name, mac, mtu = DEFAULT_MTU, up = false } = end;
  return { index, name, kind, up, running: false, loopback: false, mtu, mac };
}

function nextIndex({ links }: FakeNamespace): number {
  return Math.max(...links.map(({ index }) => index)) + 1;
}

/** A veth runs while both its ends are up. */
function updateCarrier(link: FakeNamespace['links'][number]): void {
  const peer = link.peerNamespace?.links.find(({ index }) => index === link.peer);
  link.running = link.up && (peer === undefined || peer.up);
  if (peer !== undefined) peer.running = link.running;
}

/** Takes a link and what belongs to it out of a namespace. */
function forget(namespace: FakeNamespace, index: number): void {
  namespace.links = namespace.links.filter((link) => link.index !== index);
  namespace.addresses = namespace.addresses.filter((address) => address.index !== index);
  namespace.routes = namespace.routes.filter((route) => route.index !== index);
  namespace.neighbours = namespace.neighbours.filter((neighbour) => neighbour.index !== index);
}
