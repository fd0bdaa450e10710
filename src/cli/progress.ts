/**
 * Tells what is being waited for: on a terminal in one line that changes, elsewhere, if wanted, in a line for each step
 * that is done.
 */
export class Progress implements Disposable {
  readonly #stream: NodeJS.WriteStream;
  readonly #plain: boolean;
  readonly #open = new Set<string>();

  constructor(stream: NodeJS.WriteStream, plain: boolean) {
    this.#stream = stream;
    this.#plain = plain;
  }

  step(name: string, done: boolean): void {
    if (done) this.#open.delete(name);
    else this.#open.add(name);
    if (this.#stream.isTTY) this.#draw();
    else if (this.#plain && done) this.#stream.write(`${name}: ready\n`);
  }

  [Symbol.dispose](): void {
    this.#clear();
  }

  #draw(): void {
    this.#clear();
    if (this.#open.size > 0) this.#stream.write(`waiting for ${[...this.#open].join(', ')} …`);
  }

  #clear(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\u001b[K');
  }
}
