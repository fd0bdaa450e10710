import { type PreparedAnswer, retire } from '#wire/dns-answer.ts';

/** More than all that a cluster of 10,000 Services is asked. */
const MAX_ANSWERS = 100_000;

/**
 * Answers made from cluster objects, by question, until one of the look-ups they were made from changes. When there
 * are too many, the oldest goes.
 */
export class PreparedAnswers {
  readonly #answers = new Map<string, { prepared: PreparedAnswer; lookups: readonly string[] }>();
  readonly #questionsByLookup = new Map<string, Set<string>>();

  readonly #maxAnswers: number;

  constructor(maxAnswers = MAX_ANSWERS) {
    this.#maxAnswers = maxAnswers;
  }

  get size(): number {
    return this.#answers.size;
  }

  get(question: string): PreparedAnswer | undefined {
    return this.#answers.get(question)?.prepared;
  }

  set(question: string, prepared: PreparedAnswer, lookups: Iterable<string>): void {
    this.#remove(question);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size >= this.#maxAnswers && oldest !== undefined) this.#remove(oldest);
    const kept = [...lookups];
    this.#answers.set(question, { prepared, lookups: kept });
    for (const lookup of kept) {
      const questions = this.#questionsByLookup.get(lookup);
      if (questions === undefined) this.#questionsByLookup.set(lookup, new Set([question]));
      else questions.add(question);
    }
  }

  /** Forgets every answer that one of these look-ups went into. */
  invalidate(lookups: readonly string[]): void {
    for (const lookup of lookups) {
      for (const question of this.#questionsByLookup.get(lookup) ?? []) this.#remove(question);
    }
  }

  #remove(question: string): void {
    const answer = this.#answers.get(question);
    if (answer === undefined) return;
    retire(answer.prepared);
    for (const lookup of answer.lookups) {
      const questions = this.#questionsByLookup.get(lookup);
      questions?.delete(question);
      if (questions?.size === 0) this.#questionsByLookup.delete(lookup);
    }
    this.#answers.delete(question);
  }
}
