import type { Value } from './data-types.ts';
import type { Counter, NftMap, NftSet, Verdict } from './objects.ts';
import type { PayloadSelector, Selector } from './selectors.ts';

/** One step of a rule: it matches (or the rule ends), acts, or decides. */
export type Statement =
  | MatchStatement
  | BitsStatement
  | LookupStatement
  | VerdictMapStatement
  | VerdictStatement
  | NatStatement
  | MasqueradeStatement
  | RedirectStatement
  | TproxyStatement
  | RejectStatement
  | SetMarkStatement
  | SetFieldStatement
  | UpdateStatement
  | CounterStatement
  | LogStatement
  | LimitStatement
  | NotrackStatement;

export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>=';

/** A selector against a value; a CIDR (`10.0.0.0/8`), range (`1-5`) or name prefix (`veth*`) is possible. */
export interface MatchStatement {
  readonly kind: 'match';
  readonly selector: Selector;
  readonly operator: CompareOperator;
  readonly value: Value;
  /** Compare only these bits. */
  readonly mask?: number | undefined;
}

/** Whether a key is in a set. */
export interface LookupStatement {
  readonly kind: 'lookup';
  readonly key: readonly Selector[];
  readonly set: NftSet | NftMap;
  readonly not?: boolean | undefined;
}

/** Does what the map says for a key; nothing without an entry. */
export interface VerdictMapStatement {
  readonly kind: 'vmap';
  readonly key: readonly Selector[];
  readonly map: NftMap;
}

export interface VerdictStatement {
  readonly kind: 'verdict';
  readonly verdict: Verdict;
}

export interface NatFlags {
  readonly random?: boolean | undefined;
  readonly fullyRandom?: boolean | undefined;
  readonly persistent?: boolean | undefined;
}

/** Where a translation leads: constants, or a map whose data is an address, a port, or an address and a port. */
export type NatTarget =
  | { readonly address?: string | undefined; readonly port?: number | undefined }
  | { readonly map: NftMap; readonly key: readonly Selector[] };

export interface NatStatement extends NatFlags {
  readonly kind: 'dnat' | 'snat';
  readonly to: NatTarget;
}

export interface MasqueradeStatement extends NatFlags {
  readonly kind: 'masquerade';
}

/** To a port of this host itself. */
export interface RedirectStatement extends NatFlags {
  readonly kind: 'redirect';
  readonly port?: number | undefined;
}

/** Hands the packet to a transparent socket, unchanged. In prerouting; needs a mark and a policy route. */
export interface TproxyStatement {
  readonly kind: 'tproxy';
  readonly family: 'ip' | 'ip6';
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}

/** Refuses: with a TCP reset, or an ICMP unreachable of the packet's own family. */
export interface RejectStatement {
  readonly kind: 'reject';
  readonly with: 'tcp reset' | 'port-unreachable' | 'host-unreachable' | 'no-route' | 'admin-prohibited';
}

/** Sets the packet's or the connection's mark: to a number (in the masked bits) or to a selector's value. */
export interface SetMarkStatement {
  readonly kind: 'setMark';
  readonly of: 'meta' | 'ct';
  readonly to: number | Selector;
  readonly mask?: number | undefined;
}

/** Writes an address or a port of the packet itself, its checksums included: a translation without connection tracking. */
export interface SetFieldStatement {
  readonly kind: 'setField';
  readonly field: PayloadSelector;
  readonly to: Selector;
}

/** Adds or refreshes an element from the packet path. */
export interface UpdateStatement {
  readonly kind: 'update';
  /** `add` leaves an existing element's timeout alone, `update` starts it anew, `delete` removes it. */
  readonly operation: 'add' | 'update' | 'delete';
  readonly set: NftSet | NftMap;
  readonly key: readonly Selector[];
  /** Of a map. */
  readonly data?: readonly Selector[] | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Counts in the rule itself, or in a counter object. */
export interface CounterStatement {
  readonly kind: 'counter';
  readonly counter?: Counter | undefined;
}

export interface LogStatement {
  readonly kind: 'log';
  readonly prefix?: string | undefined;
  /** To listeners of this nflog group instead of the kernel's log. */
  readonly group?: number | undefined;
  readonly snaplenBytes?: number | undefined;
}

/** Matches up to a rate (`over`: matches what exceeds it). */
export interface LimitStatement {
  readonly kind: 'limit';
  readonly rate: number;
  readonly per: 'second' | 'minute' | 'hour' | 'day';
  /** Packets above the rate that may pass at once; 5 by default. */
  readonly burst?: number | undefined;
  readonly over?: boolean | undefined;
}

/** Keeps the packet out of connection tracking; only in raw-priority chains. */
export interface NotrackStatement {
  readonly kind: 'notrack';
}

export function match(
  selector: Selector,
  operator: CompareOperator,
  value: Value,
  mask?: number,
): MatchStatement {
  return { kind: 'match', selector, operator, value, mask };
}

/** Whether any of the named bits is set: `hasAny(ct('state'), 'new', 'related')`. */
export function hasAny(selector: Selector, ...bits: readonly Value[]): BitsStatement {
  return { kind: 'bits', selector, bits };
}

/** Any of a bit mask's named bits. */
export interface BitsStatement {
  readonly kind: 'bits';
  readonly selector: Selector;
  readonly bits: readonly Value[];
  readonly not?: boolean | undefined;
}

export function inSet(key: readonly Selector[], set: NftSet | NftMap): LookupStatement {
  return { kind: 'lookup', key, set };
}

export function notInSet(key: readonly Selector[], set: NftSet | NftMap): LookupStatement {
  return { kind: 'lookup', key, set, not: true };
}

export function vmap(key: readonly Selector[], map: NftMap): VerdictMapStatement {
  return { kind: 'vmap', key, map };
}

export function verdict(value: Verdict): VerdictStatement {
  return { kind: 'verdict', verdict: value };
}

export const accept = verdict('accept');
export const drop = verdict('drop');

export function jump(chain: string): VerdictStatement {
  return verdict({ jump: chain });
}

export function goto(chain: string): VerdictStatement {
  return verdict({ goto: chain });
}

export function dnat(to: NatTarget, flags: NatFlags = {}): NatStatement {
  return { kind: 'dnat', to, ...flags };
}

export function snat(to: NatTarget, flags: NatFlags = {}): NatStatement {
  return { kind: 'snat', to, ...flags };
}

export function masquerade(flags: NatFlags = {}): MasqueradeStatement {
  return { kind: 'masquerade', ...flags };
}

export function redirect(port?: number): RedirectStatement {
  return { kind: 'redirect', port };
}

export function tproxy(family: 'ip' | 'ip6', to: { address?: string; port?: number }): TproxyStatement {
  return { kind: 'tproxy', family, ...to };
}

export function reject(how: RejectStatement['with'] = 'port-unreachable'): RejectStatement {
  return { kind: 'reject', with: how };
}

export function setMark(to: number | Selector, mask?: number): SetMarkStatement {
  return { kind: 'setMark', of: 'meta', to, mask };
}

export function setCtMark(to: number | Selector, mask?: number): SetMarkStatement {
  return { kind: 'setMark', of: 'ct', to, mask };
}

export function setField(field: PayloadSelector, to: Selector): SetFieldStatement {
  return { kind: 'setField', field, to };
}

export function update(
  set: NftSet | NftMap,
  key: readonly Selector[],
  options: { data?: readonly Selector[]; timeoutMs?: number; operation?: UpdateStatement['operation'] } = {},
): UpdateStatement {
  return { kind: 'update', operation: 'update', set, key, ...options };
}

export function counter(object?: Counter): CounterStatement {
  return { kind: 'counter', counter: object };
}

export function log(options: Omit<LogStatement, 'kind'> = {}): LogStatement {
  return { kind: 'log', ...options };
}

export function limit(
  rate: number,
  per: LimitStatement['per'],
  options: { burst?: number; over?: boolean } = {},
): LimitStatement {
  return { kind: 'limit', rate, per, ...options };
}

export const notrack: NotrackStatement = { kind: 'notrack' };
