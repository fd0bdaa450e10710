import type { NftMap, NftSet } from '#kernel/nftables/objects.ts';
import { Transaction } from '#kernel/nftables/transaction.ts';
import { ElementTable, sameData } from './element-table.ts';
import type { ForwardingModel, NodeSettings, ServicePlan } from './forwarding-model.ts';
import { type PlannedChain, planBaseChains, settingElements } from './nftables-chains.ts';
import { BASE_CHAINS, elementSets, LAYOUTS, passingSets, settingSets, TABLE } from './nftables-layout.ts';
import { type PlannedElement, planServiceElements, type ServiceElements } from './plan-service-elements.ts';

const NOTHING: ServiceElements = {
  elements: new Map(),
  chains: new Map(),
  ownChains: new Map(),
  affinityMembers: new Map(),
  arrangement: new Map(),
};

/**
 * The whole content of the table as it follows from the Services' plans, and the transactions that lead
 * from one content to the next. Holds no kernel: what it returns has been applied once it was run.
 */
export class NftablesRuleset {
  readonly settings: NodeSettings;
  readonly table = new ElementTable();
  /** Chains that exist besides the base ones. Shared ones stay until `removeUnused()`: another Service may soon want them. */
  readonly #chains = new Map<string, PlannedChain>();
  readonly #services = new Map<string, ServiceElements>();
  readonly #affinityIds = new Map<number, string>();
  #shrunken = new Map<number, ReadonlySet<string>>();

  constructor(settings: NodeSettings) {
    this.settings = settings;
  }

  /** Lists with affinity that lost endpoints since the last call, with those they have. Clients may remember others. */
  takeShrunken(): ReadonlyMap<number, ReadonlySet<string>> {
    const taken = this.#shrunken;
    this.#shrunken = new Map();
    return taken;
  }

  get chains(): Iterable<PlannedChain> {
    return this.#chains.values();
  }

  /** Takes away shared chains that nothing leads to: Services that grow and shrink leave one for every size they had. */
  removeUnused(): Transaction {
    const used = new Set<string>();
    for (const { chains, ownChains } of this.#services.values())
      for (const name of [...chains.keys(), ...ownChains.keys()]) used.add(name);
    const unused = [...this.#chains.values()].filter(({ chain }) => !used.has(chain.name));
    for (const { chain } of unused) this.#chains.delete(chain.name);
    return new Transaction().delete(...unused.map(({ chain }) => chain));
  }

  /** The changes for these Services; undefined removes one. */
  update(
    changes: Iterable<readonly [key: string, plan: ServicePlan | undefined]>,
    transaction: Transaction = new Transaction(),
  ): Transaction {
    const newChains: PlannedChain[] = [];
    const oldChains: PlannedChain[] = [];
    const before = new Map<string, PlannedElement | undefined>();
    for (const [key, plan] of changes) {
      const old = this.#services.get(key) ?? NOTHING;
      const next = plan === undefined ? NOTHING : this.#plan(plan, old);
      if (plan === undefined) this.#services.delete(key);
      else this.#services.set(key, next);
      for (const [name, make] of [...next.chains, ...next.ownChains]) {
        if (this.#chains.has(name)) continue;
        const chain = make();
        this.#chains.set(name, chain);
        newChains.push(chain);
      }
      for (const name of old.ownChains.keys()) {
        const chain = this.#chains.get(name);
        if (chain === undefined || next.ownChains.has(name)) continue;
        this.#chains.delete(name);
        oldChains.push(chain);
      }
      this.#noteShrunken(old, next);
      this.table.replace(key, old.elements, next.elements, before);
    }
    addChains(transaction, newChains);
    this.#addDifferences(before, transaction);
    // Nothing leads there any more.
    transaction.delete(...oldChains.map(({ chain }) => chain));
    return transaction;
  }

  #noteShrunken(old: ServiceElements, next: ServiceElements): void {
    for (const [id, members] of old.affinityMembers) {
      const left = next.affinityMembers.get(id) ?? new Set();
      if ([...members].some((member) => !left.has(member))) this.#shrunken.set(id, left);
    }
  }

  /** Compares what was there before all changes with what is there now: Services may have handed elements over. */
  #addDifferences(before: ReadonlyMap<string, PlannedElement | undefined>, transaction: Transaction): void {
    const removed = new Map<NftSet | NftMap, PlannedElement[]>();
    const added = new Map<NftSet | NftMap, PlannedElement[]>();
    for (const [key, old] of before) {
      const element = this.table.get(key);
      if (old !== undefined && element !== undefined && sameData(old, element)) continue;
      if (old !== undefined) group(removed, old);
      if (element !== undefined) group(added, element);
    }
    for (const [set, elements] of removed)
      transaction.deleteElements(
        set,
        elements.map(({ key }) => key),
      );
    for (const [set, elements] of added) transaction.addElements(set, elements);
  }

  #plan(plan: ServicePlan, old: ServiceElements): ServiceElements {
    const { settings } = this;
    return planServiceElements(plan, {
      settings,
      previous: old.arrangement,
      affinityId: (port) => this.#affinityId(port),
    });
  }

  /** A hash, so that a restarted proxy finds clients' endpoints again; the next free number where two meet. */
  #affinityId(servicePort: string): number {
    let id = 0x811c9dc5;
    for (let i = 0; i < servicePort.length; i++)
      id = Math.imul(id ^ servicePort.charCodeAt(i), 0x01000193) >>> 0;
    while ((this.#affinityIds.get(id) ?? servicePort) !== servicePort) id = (id + 1) >>> 0;
    this.#affinityIds.set(id, servicePort);
    return id;
  }
}

/** Makes the table with all that does not depend on Services. It must not exist any more at that point. */
export function planTable(
  settings: NodeSettings,
  comment: string,
  transaction: Transaction = new Transaction(),
): Transaction {
  transaction.add({ ...TABLE, comment });
  for (const layout of Object.values(LAYOUTS)) {
    transaction.add(...elementSets(layout), ...settingSets(layout), ...passingSets(layout));
  }
  for (const [set, elements] of settingElements(settings)) transaction.addElements(set, elements);
  // Base chains last: from the first packet they see, everything they lead to is there.
  const chains = planBaseChains();
  const isBase = ({ chain }: PlannedChain): boolean => BASE_CHAINS.includes(chain);
  addChains(
    transaction,
    chains.filter((planned) => !isBase(planned)),
  );
  addChains(transaction, chains.filter(isBase));
  return transaction;
}

/** Everything for a model, as one value: for dry runs and for tests. */
export function planRuleset(model: ForwardingModel, comment = ''): Transaction {
  const transaction = planTable(model.settings, comment);
  return new NftablesRuleset(model.settings).update(model.services, transaction);
}

export function addChains(transaction: Transaction, chains: readonly PlannedChain[]): void {
  transaction.add(...chains.map(({ chain }) => chain));
  for (const { chain, rules } of chains) for (const rule of rules) transaction.addRule(chain, rule);
}

function group(groups: Map<NftSet | NftMap, PlannedElement[]>, element: PlannedElement): void {
  const elements = groups.get(element.set);
  if (elements === undefined) groups.set(element.set, [element]);
  else elements.push(element);
}
