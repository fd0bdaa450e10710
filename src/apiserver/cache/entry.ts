import type { KubeObject } from '#api/machinery/object.ts';
import { startOfMetadata, withResourceVersion } from './stored-form.ts';

/**
 * One stored object at one revision: serialized once, parsed when somebody looks inside.
 * Entries are immutable and shared by all readers.
 */
export class Entry {
  /** `namespace/name`, or `name` of a cluster-scoped object. */
  readonly key: string;
  /** 0: not stored, the result of a dry run. */
  readonly revision: number;
  /** The JSON that every reader gets. */
  readonly bytes: Buffer;
  readonly #itemStart: number;
  #object: KubeObject | undefined;

  constructor(key: string, stored: string, revision: number) {
    this.key = key;
    this.revision = revision;
    this.bytes = Buffer.from(revision === 0 ? stored : withResourceVersion(stored, revision));
    this.#itemStart = startOfMetadata(stored);
  }

  /** The object parsed; shared, not to be modified. */
  get object(): KubeObject {
    return (this.#object ??= this.copy());
  }

  /** Lets go of the parsed object: history keeps the bytes only. It is parsed again when asked for. */
  forgetObject(): void {
    this.#object = undefined;
  }

  /** A fresh copy that the caller may modify. */
  copy(): KubeObject {
    return JSON.parse(this.bytes.toString()) as KubeObject;
  }

  /** What follows the opening brace when the object is an item of a list, which repeats neither kind nor apiVersion. */
  get itemBytes(): Buffer {
    return this.bytes.subarray(this.#itemStart);
  }

  /** The same state under a later revision: what the event of a deletion carries. */
  at(revision: number): Entry {
    const stored = this.bytes.toString().replace(`"resourceVersion":"${this.revision}",`, '');
    return new Entry(this.key, stored, revision);
  }

  get namespace(): string | undefined {
    const slash = this.key.indexOf('/');
    return slash < 0 ? undefined : this.key.slice(0, slash);
  }
}
