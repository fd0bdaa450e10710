import { createHash } from 'node:crypto';
import type { NftablesClient } from '#kernel/nftables/client.ts';
import { NftablesError } from '#kernel/nftables/error.ts';
import type { Chain, NftMap, NftSet } from '#kernel/nftables/objects.ts';
import { Transaction } from '#kernel/nftables/transaction.ts';
import type { Flow } from '#wire/conntrack.ts';
import type { DataPlane, PlanChanges } from './data-plane.ts';
import { dataText } from './element-table.ts';
import type { ForwardingModel, NodeSettings, ServicePlan } from './forwarding-model.ts';
import { planBaseChains } from './nftables-chains.ts';
import { elementSets, LAYOUT_VERSION, LAYOUTS, TABLE } from './nftables-layout.ts';
import { addChains, NftablesRuleset, planTable } from './nftables-ruleset.ts';
import { planLateReplies } from './plan-late-replies.ts';
import { elementKey, type PlannedElement } from './plan-service-elements.ts';

const FORGET_AGAIN_MS = 1000;

/**
 * Keeps one nf_tables table. What was applied is known from memory; the kernel is read at the start, to go
 * on with the table of an earlier run, and by audits.
 */
export class NftablesDataPlane implements DataPlane {
  readonly #client: NftablesClient;
  #ruleset: NftablesRuleset | undefined;
  /** The last model, from which everything can be made again. */
  #services = new Map<string, ServicePlan>();
  /** Of the kernel's ruleset after our last change: as long as it stays, nobody touched anything. */
  #generation = -1;
  /** The kernel refused something: it holds neither the old model nor the new one. */
  #isBroken = false;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(client: NftablesClient) {
    this.#client = client;
  }

  set(model: ForwardingModel): void {
    this.#services = new Map(model.services);
    this.#ruleset = new NftablesRuleset(model.settings);
    const full = this.#ruleset.update(model.services);
    if (!this.#adopt(model.settings)) this.#build(model.settings, full);
    this.#isBroken = false;
    this.#generation = this.#client.generation();
  }

  update(changes: PlanChanges): void {
    const ruleset = this.#ruleset;
    if (ruleset === undefined) throw new Error('the nftables data plane was not set yet');
    for (const [key, plan] of changes) {
      if (plan === undefined) this.#services.delete(key);
      else this.#services.set(key, plan);
    }
    const transaction = ruleset.update(changes);
    if (this.#isBroken) return this.#rebuild(ruleset.settings);
    if (transaction.isEmpty) return;
    try {
      this.#client.run(transaction);
    } catch (error) {
      // Memory and kernel differ: begin anew, which fails again where the kernel refuses the change as such.
      this.#rebuild(ruleset.settings, error as Error);
    }
    this.#forgetEndpoints(ruleset.takeShrunken());
    this.#generation = this.#client.generation();
  }

  /**
   * Clients must not go on with endpoints that are gone. A packet that was under way meanwhile may still have been
   * remembered with one, so it is done again a moment later.
   */
  #forgetEndpoints(lists: ReadonlyMap<number, ReadonlySet<string>>, again = true): void {
    if (lists.size === 0) return;
    if (again) this.#forgetLater(lists);
    const transaction = new Transaction();
    for (const { affinityClients } of Object.values(LAYOUTS)) {
      const stale = this.#client.elements(affinityClients).filter(({ key, data }) => {
        const members = lists.get(Number(key[1]));
        return members !== undefined && !members.has(dataText(data as PlannedElement['data']));
      });
      transaction.destroyElements(
        affinityClients,
        stale.map(({ key }) => key),
      );
    }
    this.#client.run(transaction);
  }

  #forgetLater(lists: ReadonlyMap<number, ReadonlySet<string>>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      try {
        this.#forgetEndpoints(lists, false);
      } catch {
        // Somebody took the table away or is changing it: then the audit makes it anew, without clients.
      }
    }, FORGET_AGAIN_MS).unref();
    this.#timers.add(timer);
  }

  awaitReplies(flows: readonly Flow[]): void {
    if (this.#ruleset === undefined || this.#isBroken) return;
    const replies = planLateReplies(flows);
    const transaction = new Transaction();
    for (const [map, elements] of replies) transaction.addElements(map, elements);
    try {
      this.#client.run(transaction);
    } catch (error) {
      if (!(error instanceof NftablesError) || error.code !== 'EEXIST') throw error;
      this.#replaceReplies(replies);
    }
    this.#generation = this.#client.generation();
  }

  /** A client's port has asked another address of the same endpoint not long ago. Needs Linux 6.3. */
  #replaceReplies(replies: ReturnType<typeof planLateReplies>): void {
    const transaction = new Transaction();
    for (const [map, elements] of replies) {
      const keys = elements.map(({ key }) => key);
      transaction.destroyElements(map, keys).addElements(map, elements);
    }
    this.#client.run(transaction);
  }

  audit(): number {
    if (this.#ruleset === undefined || this.#isBroken) return 0;
    const { settings } = this.#ruleset;
    if (this.#client.generation() === this.#generation) {
      this.#client.run(this.#ruleset.removeUnused());
      this.#generation = this.#client.generation();
      return 0;
    }
    let differences = 1;
    if (this.#isAdoptable(settings)) differences = this.#repair();
    else this.set({ settings, services: this.#services });
    this.#generation = this.#client.generation();
    return differences;
  }

  cleanup(): void {
    if (this.#findTable() !== undefined) this.#client.run(new Transaction().delete(TABLE));
    this.#ruleset = undefined;
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#client[Symbol.dispose]();
  }

  /** Goes on with the table that there is, if it can be brought to what it should be. */
  #adopt(settings: NodeSettings): boolean {
    if (!this.#isAdoptable(settings)) return false;
    try {
      this.#repair();
      return true;
    } catch {
      return false;
    }
  }

  /** An old table goes in the transaction that brings the new one, so that hooks are handed over without a gap. */
  #build(settings: NodeSettings, services: Transaction): void {
    const transaction = new Transaction();
    if (this.#findTable() !== undefined) transaction.delete(TABLE);
    this.#client.run(planTable(settings, tableComment(settings), transaction).append(services));
  }

  /** What the kernel refuses for good stays undone, and the rules of all other Services as they were. */
  #rebuild(settings: NodeSettings, cause?: Error): void {
    this.#isBroken = true;
    try {
      this.set({ settings, services: this.#services });
    } catch (error) {
      const first = cause === undefined ? '' : ` (at first: ${cause.message})`;
      const what = `table ${TABLE.family} ${TABLE.name} cannot be brought up to date${first}`;
      throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
    }
  }

  #findTable() {
    return this.#client.tables().find(({ family, name }) => family === TABLE.family && name === TABLE.name);
  }

  /** A table that we made in this form for these settings, with all its base chains. */
  #isAdoptable(settings: NodeSettings): boolean {
    if (this.#findTable()?.comment !== tableComment(settings)) return false;
    const chains = new Set(this.#client.chains(TABLE).map(({ name }) => name));
    const sets = new Set(this.#client.sets(TABLE).map(({ name }) => name));
    const rules = Map.groupBy(this.#client.rules(TABLE), (rule) => rule.chain);
    return (
      planBaseChains().every(({ chain, rules: wanted }) => {
        return chains.has(chain.name) && rules.get(chain.name)?.length === wanted.length;
      }) && allSets().every(({ name }) => sets.has(name))
    );
  }

  /** Compares every element and chain with what should be there, and changes the difference. */
  #repair(): number {
    const ruleset = this.#ruleset as NftablesRuleset;
    const transaction = new Transaction();
    const rules = Map.groupBy(this.#client.rules(TABLE), (rule) => rule.chain);
    const broken = [...ruleset.chains].filter(({ chain, rules: wanted }) => {
      return (rules.get(chain.name)?.length ?? 0) !== wanted.length;
    });
    for (const { chain } of broken) if (rules.has(chain.name)) transaction.flush(chain);
    addChains(transaction, broken);
    const wanted = new Map(ruleset.table.elements());
    let differences = broken.length;
    for (const set of allSets()) {
      const surplus = this.#client.elements(set).filter(({ key, data }) => {
        const text = elementKey(set, key);
        const element = wanted.get(text);
        if (element === undefined || dataText(element.data) !== dataText(data as PlannedElement['data']))
          return true;
        wanted.delete(text);
        return false;
      });
      transaction.deleteElements(
        set,
        surplus.map(({ key }) => key),
      );
      differences += surplus.length;
    }
    for (const [set, missing] of Map.groupBy(wanted.values(), (element) => element.set)) {
      transaction.addElements(set, missing);
      differences += missing.length;
    }
    // Chains of Services that are gone; those that lead to others first.
    const known = new Set([...planBaseChains(), ...ruleset.chains].map(({ chain }) => chain.name));
    const surplus = this.#client.chains(TABLE).filter(({ name }) => !known.has(name));
    const leads = ({ name }: Chain): number => (/^(split|affinity)-/.test(name) ? 0 : 1);
    transaction.delete(...surplus.toSorted((a, b) => leads(a) - leads(b)));
    this.#client.run(transaction);
    return differences;
  }
}

function allSets(): (NftSet | NftMap)[] {
  return Object.values(LAYOUTS).flatMap(elementSets);
}

function tableComment(settings: NodeSettings): string {
  const digest = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16);
  return `layout ${LAYOUT_VERSION}, settings ${digest}`;
}
