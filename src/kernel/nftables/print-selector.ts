import type { Selector } from './selectors.ts';

/** A selector as nft writes it. */
export function printSelector(selector: Selector): string {
  switch (selector.kind) {
    case 'payload':
      return selector.text;
    case 'meta':
      return `meta ${selector.key}`;
    case 'ct':
      return `ct ${selector.direction === undefined ? '' : `${selector.direction} `}${selector.key}`;
    case 'numgen':
      return `numgen ${selector.mode} mod ${selector.modulus}${offsetText(selector.offset)}`;
    case 'jhash': {
      const seed = selector.seed === undefined ? '' : ` seed 0x${selector.seed.toString(16)}`;
      return `jhash ${printSelectors(selector.of)} mod ${selector.modulus}${seed}${offsetText(selector.offset)}`;
    }
    case 'fib':
      return `fib ${selector.by.join(' . ')} ${selector.result}`;
    case 'socket':
      return `socket ${selector.key}`;
    case 'constant':
      return String(selector.value);
    default:
      return `${printSelectors(selector.key)} map @${selector.map.name}`;
  }
}

/** Several as a concatenation. */
export function printSelectors(selectors: readonly Selector[]): string {
  return selectors.map(printSelector).join(' . ');
}

function offsetText(offset = 0): string {
  return offset === 0 ? '' : ` offset ${offset}`;
}
