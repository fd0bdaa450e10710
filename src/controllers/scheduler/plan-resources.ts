/** What a pod asks for, and what a node has left. Pure. */
import type { Container, Node, Pod } from '#api/core/v1.gen.ts';
import { quantityMilliValue } from '#api/machinery/quantity.ts';

/** In thousandths, by resource name. */
export type Amounts = Map<string, number>;

/** The larger of the sum of all containers and of each init container, sidecars counted with the former. */
export function requestsOf(pod: Pod): Amounts {
  const total: Amounts = new Map();
  for (const container of pod.spec?.containers ?? []) add(total, requests(container));
  let sidecars: Amounts = new Map();
  const peak: Amounts = new Map();
  for (const container of pod.spec?.initContainers ?? []) {
    const own = requests(container);
    if (container.restartPolicy === 'Always') {
      sidecars = add(sidecars, own);
      raise(peak, sidecars);
    } else raise(peak, add(new Map(sidecars), own));
  }
  raise(add(total, sidecars), peak);
  return add(total, amounts(pod.spec?.overhead));
}

/** Why the node cannot take the pod, or undefined. `used` and `podCount` are what its pods hold already. */
export function lackingResource(
  wanted: Amounts,
  node: Node,
  used: Amounts,
  podCount: number,
): string | undefined {
  const allocatable = node.status?.allocatable ?? {};
  if (allocatable['pods'] !== undefined && podCount + 1 > Number(allocatable['pods'])) return 'Too many pods';
  for (const [name, amount] of wanted) {
    if (amount === 0) continue;
    const has = allocatable[name] === undefined ? 0 : quantityMilliValue(allocatable[name]);
    if ((used.get(name) ?? 0) + amount > has) return `Insufficient ${name}`;
  }
  return undefined;
}

export function add(total: Amounts, more: Amounts, sign: 1 | -1 = 1): Amounts {
  for (const [name, amount] of more) total.set(name, (total.get(name) ?? 0) + sign * amount);
  return total;
}

function raise(total: Amounts, atLeast: Amounts): void {
  for (const [name, amount] of atLeast) total.set(name, Math.max(total.get(name) ?? 0, amount));
}

function requests(container: Container): Amounts {
  return amounts(container.resources?.requests);
}

function amounts(list: Record<string, string> | undefined): Amounts {
  return new Map(Object.entries(list ?? {}).map(([name, text]) => [name, quantityMilliValue(text)]));
}
