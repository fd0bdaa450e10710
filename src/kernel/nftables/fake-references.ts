import type { Expression } from '#wire/nftables-expression.ts';
import type { FakeTable } from './fake-state.ts';
import type { Element, NftObject, Table } from './objects.ts';

/** Whether the sets, chains and counters that an expression names are there. */
export function hasReferents(table: FakeTable, expression: Expression): boolean {
  switch (expression.name) {
    case 'lookup':
    case 'dynset':
      return table.sets.has(expression.set ?? '');
    case 'objref':
      return table.counters.has(expression.object ?? '');
    case 'immediate': {
      const chain = expression.data?.verdict?.chain;
      return chain === undefined || table.chains.has(chain);
    }
    default:
      return true;
  }
}

/** Whether a rule elsewhere, or an element of a verdict map, refers to it. */
export function isUsed(table: FakeTable, object: Exclude<NftObject, Table>): boolean {
  for (const { chain, rules } of table.chains.values()) {
    if (object.kind === 'chain' && chain.name === object.name) continue;
    if (rules.some(({ expressions }) => expressions.some((expression) => refersTo(expression, object))))
      return true;
  }
  if (object.kind !== 'chain') return false;
  return [...table.sets.values()].some(({ elements }) =>
    [...elements.values()].some(({ element }) => {
      const data = element.data;
      return isChainVerdict(data) && ('jump' in data ? data.jump : data.goto) === object.name;
    }),
  );
}

function refersTo(expression: Expression, { kind, name }: Exclude<NftObject, Table>): boolean {
  switch (kind) {
    case 'chain':
      return expression.name === 'immediate' && expression.data?.verdict?.chain === name;
    case 'counter':
      return expression.name === 'objref' && expression.object === name;
    default:
      return (expression.name === 'lookup' || expression.name === 'dynset') && expression.set === name;
  }
}

function isChainVerdict(data: Element['data']): data is { jump: string } | { goto: string } {
  return typeof data === 'object' && ('jump' in data || 'goto' in data);
}
