import { type PreparedAnswer, retire } from '#wire/dns-answer.ts';

/** Answers made from cluster objects, by question, until one of the look-ups they were made from changes. */
export class PreparedAnswers {
  readonly #answers = new Map<string, { prepared: PreparedAnswer; lookups: readonly string[] }>();
  readonly #questionsByLookup = new Map<string, Set<string>>();

  get size(): number {
    return this.#answers.size;
  }

  get(question: string): PreparedAnswer | undefined {
    return this.#answers.get(question)?.prepared;
  }

  set(question: string, prepared: PreparedAnswer, lookups: Iterable<string>): void {
    this.#remove(question);
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
