/** Tells on a terminal what is being waited for, in one line that changes; elsewhere says nothing but notes. */
export class Progress implements Disposable {
  readonly #stream: NodeJS.WriteStream;
  readonly #open = new Set<string>();

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  step(name: string, done: boolean): void {
    if (done) this.#open.delete(name);
    else this.#open.add(name);
    this.#draw();
  }

  /** A line that stays. */
  note(text: string): void {
    this.#clear();
    this.#stream.write(`${text}\n`);
    this.#draw();
  }

  [Symbol.dispose](): void {
    this.#clear();
  }

  #draw(): void {
    if (!this.#stream.isTTY || this.#open.size === 0) return;
    this.#clear();
    this.#stream.write(`waiting for ${[...this.#open].join(', ')} …`);
  }

  #clear(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\u001b[K');
  }
}
