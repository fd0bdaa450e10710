/** A labelled stretch of machine code: instructions as bytes, branches resolved when the code is sealed. */
export interface Branch {
  at: number;
  label: string;
  /** Writes the distance from the branch to its target into the instruction bytes. */
  patch: (code: DataView, at: number, target: number) => void;
}

/** Collects instructions and resolves branches to labels; unknown labels are an error of the program's author. */
export class MachineCode {
  readonly #bytes: number[] = [];
  readonly #labels = new Map<string, number>();
  readonly #branches: Branch[] = [];

  /** Appends instruction bytes. */
  emit(...bytes: number[]): this {
    this.#bytes.push(...bytes);
    return this;
  }

  /** Appends one little-endian 32-bit word (every arm64 instruction). */
  word(value: number): this {
    return this.emit(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
  }

  label(name: string): this {
    this.#labels.set(name, this.#bytes.length);
    return this;
  }

  /** Remembers that the instruction appended last jumps to `label`; `at` is where it (or its displacement) starts. */
  branch(at: number, label: string, patch: Branch['patch']): this {
    this.#branches.push({ at, label, patch });
    return this;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** The finished bytes. */
  seal(): Uint8Array {
    const code = Uint8Array.from(this.#bytes);
    const view = new DataView(code.buffer);
    for (const { at, label, patch } of this.#branches) {
      const target = this.#labels.get(label);
      if (target === undefined) throw new Error(`machine code: no label ${label}`);
      patch(view, at, target);
    }
    return code;
  }
}
