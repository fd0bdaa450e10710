/** A link by name or by interface index; the index saves a look-up. */
export type LinkRef = string | number;

export type LinkKind = 'veth' | 'bridge' | 'dummy';

export interface Link {
  readonly index: number;
  readonly name: string;
  /** `veth`, `bridge` …; undefined for physical links and loopback. */
  readonly kind?: string | undefined;
  /** Administratively up (IFF_UP). */
  readonly up: boolean;
  /** Up and with a carrier. */
  readonly running: boolean;
  readonly loopback: boolean;
  readonly mtu: number;
  /** `02:42:ac:11:00:02`. */
  readonly mac?: string | undefined;
  /** Index of the bridge (or other master) it belongs to. */
  readonly master?: number | undefined;
  /** Index of a veth's other end, in whichever namespace that is. */
  readonly peer?: number | undefined;
}

export interface Address {
  readonly index: number;
  /** With the prefix length of its network: `10.244.0.5/32`. */
  readonly address: string;
  readonly family: 4 | 6;
  readonly scope: AddressScope;
  /** Duplicate address detection is not over yet (IPv6): the address cannot be bound. */
  readonly tentative: boolean;
}

export type AddressScope = 'global' | 'site' | 'link' | 'host' | 'nowhere';

export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw';

export interface Nexthop {
  readonly via?: string | undefined;
  readonly link?: LinkRef | undefined;
  /** 1 to 256. */
  readonly weight?: number | undefined;
}

export interface Route {
  readonly family: 4 | 6;
  /** `10.244.0.5/32`; a default route is `0.0.0.0/0` or `::/0`. */
  readonly destination: string;
  readonly type: RouteType;
  /** 254 is main, 255 local. */
  readonly table: number;
  readonly scope: AddressScope;
  readonly via?: string | undefined;
  /** Interface index. */
  readonly index?: number | undefined;
  /** Preferred source address. */
  readonly source?: string | undefined;
  readonly metric?: number | undefined;
  /** Who made it: 2 kernel, 3 boot, 4 static … */
  readonly protocol: number;
  readonly nexthops?: ReadonlyArray<{ via?: string | undefined; index: number; weight: number }> | undefined;
}

export type RuleAction = 'lookup' | 'blackhole' | 'unreachable' | 'prohibit';

export interface Rule {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly action: RuleAction | 'other';
  readonly table?: number | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly mark?: number | undefined;
  readonly mask?: number | undefined;
  readonly inputLink?: string | undefined;
  readonly outputLink?: string | undefined;
}

export type NeighbourState =
  | 'incomplete'
  | 'reachable'
  | 'stale'
  | 'delay'
  | 'probe'
  | 'failed'
  | 'noarp'
  | 'permanent'
  | 'none';

export interface Neighbour {
  readonly index: number;
  readonly address: string;
  readonly mac?: string | undefined;
  readonly state: NeighbourState;
  /** Answers ARP or neighbour discovery for an address elsewhere. */
  readonly proxy: boolean;
}

/** One end of a veth pair. */
export interface VethEnd {
  name: string;
  /** Chosen by the kernel when absent; given, later requests of the same batch need no look-up. */
  index?: number | undefined;
  mac?: string | undefined;
  mtu?: number | undefined;
  up?: boolean | undefined;
}

export interface CreateVeth extends VethEnd {
  do: 'createVeth';
  /**
   * `netns`: descriptor of the namespace the other end is put into. That end starts down (the kernel
   * cannot open it before the pair is complete).
   */
  peer: Omit<VethEnd, 'up'> & { netns?: number | undefined };
  /** Queues per end, 1 by default: the kernel's own choice is one per CPU, which costs memory per pod. */
  queues?: number | undefined;
}

export interface CreateLink extends VethEnd {
  do: 'createLink';
  kind: Exclude<LinkKind, 'veth'>;
}

export interface SetLink {
  do: 'setLink';
  link: LinkRef;
  up?: boolean | undefined;
  mtu?: number | undefined;
  mac?: string | undefined;
  /** Bridge to join; `null` leaves it. */
  master?: LinkRef | null | undefined;
  /** New name; the link must be down. */
  name?: string | undefined;
  /** Moves it into another namespace (a descriptor), which takes its addresses away and sets it down. */
  netns?: number | undefined;
}

export interface DeleteLink {
  do: 'deleteLink';
  link: LinkRef;
}

export interface AddressRequest {
  do: 'addAddress' | 'replaceAddress' | 'deleteAddress';
  link: LinkRef;
  /** With prefix length: `10.244.0.5/32`, `fd00::5/128`. */
  address: string;
  scope?: AddressScope | undefined;
  /** Skip IPv6 duplicate address detection, so that the address can be bound at once. On by default. */
  noDad?: boolean | undefined;
  /** Do not add the route to the address's network. */
  noPrefixRoute?: boolean | undefined;
}

export interface RouteRequest {
  /** `add` fails with EEXIST when there is one; `replace` takes its place. */
  do: 'addRoute' | 'replaceRoute' | 'deleteRoute';
  /** CIDR; a default route is `0.0.0.0/0` or `::/0`. */
  destination: string;
  via?: string | undefined;
  link?: LinkRef | undefined;
  source?: string | undefined;
  table?: number | undefined;
  metric?: number | undefined;
  scope?: AddressScope | undefined;
  type?: RouteType | undefined;
  /** The gateway is reachable on the link although no route says so. */
  onlink?: boolean | undefined;
  mtu?: number | undefined;
  protocol?: number | undefined;
  nexthops?: readonly Nexthop[] | undefined;
}

export interface RuleRequest {
  do: 'addRule' | 'deleteRule';
  family: 4 | 6;
  priority?: number | undefined;
  action?: RuleAction | undefined;
  table?: number | undefined;
  from?: string | undefined;
  to?: string | undefined;
  mark?: number | undefined;
  mask?: number | undefined;
  inputLink?: string | undefined;
  outputLink?: string | undefined;
}

export interface NeighbourRequest {
  do: 'addNeighbour' | 'replaceNeighbour' | 'deleteNeighbour';
  link: LinkRef;
  address: string;
  mac?: string | undefined;
  /** `permanent` by default: such entries never age and do not count against the kernel-wide limit. */
  state?: NeighbourState | undefined;
  proxy?: boolean | undefined;
}

/** One change, as a value: make them where they are decided, run them together with `Rtnetlink#run()`. */
export type RtnetlinkRequest =
  | CreateVeth
  | CreateLink
  | SetLink
  | DeleteLink
  | AddressRequest
  | RouteRequest
  | RuleRequest
  | NeighbourRequest;
