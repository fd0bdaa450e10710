import {
  CT_KEY,
  type Expression,
  FIB_FLAG,
  FIB_RESULT,
  META_KEY,
  NFT_REG32_00,
  PAYLOAD_BASE,
  REGISTER_COUNT,
  SOCKET_KEY,
} from '#wire/nftables-expression.ts';
import { DATA_TYPES, type DataType, encodeValue, NftablesValueError } from './data-types.ts';
import type { Family, NftMap, NftSet } from './objects.ts';
import { printSelectors } from './print-selector.ts';
import {
  type CtSelector,
  type FibSelector,
  type HashSelector,
  type Selector,
  selectorTypes,
} from './selectors.ts';

const NFPROTO_NUMBERS = { ipv4: 2, ipv6: 10 } as const;

/** How many 4-byte registers a value of this type takes. */
export function registersOf(type: DataType): number {
  return Math.ceil(DATA_TYPES[type].size / 4);
}

/**
 * Turns selectors into expressions that load them. Registers are numbered from 0 here; parts of a
 * concatenation lie one behind the other, each beginning a register.
 */
export class Loader {
  readonly expressions: Expression[] = [];
  readonly family: Family;
  /** What the rule has matched already, so that it is not matched twice: `network ipv4`, `transport tcp`. */
  readonly #known = new Set<string>();

  constructor(family: Family) {
    this.family = family;
    if (family === 'ip') this.#known.add('network ipv4');
    if (family === 'ip6') this.#known.add('network ipv6');
  }

  /** The network protocol that this rule's packets are known to have. */
  get network(): 'ipv4' | 'ipv6' | undefined {
    if (this.#known.has('network ipv4')) return 'ipv4';
    return this.#known.has('network ipv6') ? 'ipv6' : undefined;
  }

  /** Notes that the rule itself has matched a protocol. */
  learn(layer: 'network' | 'transport', protocol: string): void {
    this.#known.add(`${layer} ${protocol}`);
  }

  /** Matches a protocol unless the rule has done so. */
  need(layer: 'network' | 'transport', protocol: string): void {
    if (this.#known.has(`${layer} ${protocol}`)) return;
    const isNetwork = layer === 'network';
    const value = isNetwork
      ? encodeValue('nf_proto', NFPROTO_NUMBERS[protocol as keyof typeof NFPROTO_NUMBERS])
      : encodeValue('inet_proto', protocol);
    this.expressions.push(
      { name: 'meta', key: isNetwork ? META_KEY.nfproto : META_KEY.l4proto, dreg: reg(0) },
      { name: 'cmp', sreg: reg(0), op: 0, data: { value } },
    );
    this.learn(layer, protocol);
  }

  /** Loads a key, checked against the types its set has, and returns how many registers it fills. */
  loadKey(selectors: readonly Selector[], set: NftSet | NftMap, at = 0): number {
    const types = selectors.flatMap(selectorTypes);
    const fits = types.length === set.key.length && types.every((type, i) => sameSize(type, set.key[i]));
    if (!fits) {
      const key = printSelectors(selectors);
      throw new NftablesValueError(`${set.kind} ${set.name} has the key ${set.key.join(' . ')}, not ${key}`);
    }
    return this.loadAll(selectors, at);
  }

  loadAll(selectors: readonly Selector[], at = 0): number {
    // Protocol matches use register 0, so they come before anything is loaded.
    this.needProtocols(selectors);
    let next = at;
    for (const selector of selectors) next += this.load(selector, next);
    return next - at;
  }

  /** Loads one selector into register `at` and those behind it; returns how many. */
  load(selector: Selector, at = 0): number {
    this.needProtocols([selector]);
    const size = selectorTypes(selector).reduce((sum, type) => sum + registersOf(type), 0);
    if (at + size > REGISTER_COUNT) throw new NftablesValueError('a key has at most 64 bytes');
    const dreg = reg(at);
    switch (selector.kind) {
      case 'payload': {
        const { base, offset, type } = selector;
        this.expressions.push({
          name: 'payload',
          dreg,
          base: PAYLOAD_BASE[base],
          offset,
          len: DATA_TYPES[type].size,
        });
        break;
      }
      case 'meta':
        this.expressions.push({ name: 'meta', key: META_KEY[selector.key], dreg });
        break;
      case 'ct':
        this.expressions.push(loadCt(selector, dreg));
        break;
      case 'numgen': {
        const { mode, modulus, offset = 0 } = selector;
        this.expressions.push({ name: 'numgen', dreg, modulus, type: mode === 'inc' ? 0 : 1, offset });
        break;
      }
      case 'jhash':
        this.#loadHash(selector, at);
        break;
      case 'fib':
        this.expressions.push(loadFib(selector, dreg));
        break;
      case 'socket':
        this.expressions.push({ name: 'socket', key: SOCKET_KEY[selector.key], dreg });
        break;
      case 'constant':
        this.expressions.push({
          name: 'immediate',
          dreg,
          data: { value: encodeValue(selector.type, selector.value) },
        });
        break;
      case 'map':
        if (selector.map.data === 'verdict') {
          throw new NftablesValueError(`map ${selector.map.name} has verdicts, use vmap()`);
        }
        this.loadKey(selector.key, selector.map, at);
        this.expressions.push({ name: 'lookup', set: selector.map.name, sreg: dreg, dreg });
    }
    return size;
  }

  #loadHash({ of, modulus, seed, offset = 0 }: HashSelector, at: number): void {
    const len = this.loadAll(of, at) * 4;
    const dreg = reg(at);
    this.expressions.push({ name: 'hash', sreg: dreg, dreg, len, modulus, seed, offset, type: 0 });
  }

  /** Matches the protocols that these selectors belong to, where the rule has not yet. */
  needProtocols(selectors: readonly Selector[]): void {
    for (const selector of selectors) {
      if (selector.kind === 'jhash') this.needProtocols(selector.of);
      if (selector.kind === 'map') this.needProtocols(selector.key);
      if (selector.kind !== 'payload') continue;
      if (selector.network !== undefined) this.need('network', selector.network);
      if (selector.transport !== undefined) this.need('transport', selector.transport);
    }
  }
}

/** The kernel's number of a register. */
export function reg(index: number): number {
  return NFT_REG32_00 + index;
}

function loadCt({ key, direction }: CtSelector, dreg: number): Expression {
  const needsDirection = /addr$|^proto/.test(key);
  const way = direction ?? (needsDirection ? 'original' : undefined);
  return {
    name: 'ct',
    key: CT_KEY[key],
    direction: way === undefined ? undefined : way === 'reply' ? 1 : 0,
    dreg,
  };
}

function loadFib({ by, result }: FibSelector, dreg: number): Expression {
  const flags = by.reduce((all, part) => all | FIB_FLAG[part], 0);
  return { name: 'fib', dreg, result: FIB_RESULT[result], flags };
}

function sameSize(left: DataType, right: DataType | undefined): boolean {
  return right !== undefined && DATA_TYPES[left].size === DATA_TYPES[right].size;
}
