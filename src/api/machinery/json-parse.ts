// A JSON reader that tells which names stand twice in an object (JSON.parse silently takes the last), and that says
// where a text goes wrong. Duplicates are reported with the path of the field, as upstream's strict decoder does.

/** A text that is not JSON. `offset` counts UTF-16 code units. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

export interface ParsedJson {
  readonly value: unknown;
  /** Paths such as `metadata.name` or `spec.ports[0].port`, each once per repetition. */
  readonly duplicates: readonly string[];
}

/** Upstream refuses documents that are nested deeper. */
const MAX_DEPTH = 1000;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// Everything but quote, backslash and the control characters below the space.
const PLAIN = /[ !#-[\]-\uffff]*/y;
const ESCAPES: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Reads one JSON document. Throws JsonSyntaxError and nothing else. */
export function parseJson(text: string): ParsedJson {
  const reader = new Reader(text);
  const value = reader.document();
  return { value, duplicates: reader.duplicates };
}

class Reader {
  readonly duplicates: string[] = [];
  private readonly text: string;
  private at = 0;
  private depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  document(): unknown {
    const value = this.value('');
    this.space();
    if (this.at < this.text.length) this.fail('after top-level value');
    return value;
  }

  private value(path: string): unknown {
    this.space();
    switch (this.text[this.at]) {
      case '{':
        return this.nested(() => this.object(path));
      case '[':
        return this.nested(() => this.list(path));
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      default:
        return this.number();
    }
  }

  private nested<T>(read: () => T): T {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw new JsonSyntaxError('exceeded max depth', this.at);
    const value = read();
    this.depth -= 1;
    return value;
  }

  private object(path: string): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    this.at += 1;
    this.space();
    if (this.take('}')) return result;
    for (;;) {
      this.space();
      if (this.text[this.at] !== '"') this.fail('looking for beginning of object key string');
      const name = this.string();
      this.space();
      if (!this.take(':')) this.fail('after object key');
      const at = path === '' ? name : `${path}.${name}`;
      if (Object.hasOwn(result, name)) this.duplicates.push(at);
      setOwn(result, name, this.value(at));
      this.space();
      if (this.take('}')) return result;
      if (!this.take(',')) this.fail('after object key:value pair');
    }
  }

  private list(path: string): unknown[] {
    const result: unknown[] = [];
    this.at += 1;
    this.space();
    if (this.take(']')) return result;
    for (;;) {
      result.push(this.value(`${path}[${result.length}]`));
      this.space();
      if (this.take(']')) return result;
      if (!this.take(',')) this.fail('after array element');
    }
  }

  private string(): string {
    this.at += 1;
    let result = '';
    for (;;) {
      PLAIN.lastIndex = this.at;
      result += PLAIN.exec(this.text)?.[0] ?? '';
      this.at = PLAIN.lastIndex;
      if (this.take('"')) return result;
      if (this.text[this.at] !== '\\') this.fail('in string literal');
      result += this.escape();
    }
  }

  private escape(): string {
    const letter = this.text[this.at + 1] ?? '';
    const simple = ESCAPES[letter];
    if (simple !== undefined) {
      this.at += 2;
      return simple;
    }
    const hex = this.text.slice(this.at + 2, this.at + 6);
    if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(hex)) {
      this.at += 1;
      this.fail('in string escape code');
    }
    this.at += 6;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  private number(): number {
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (match === null) this.fail('looking for beginning of value');
    this.at = NUMBER.lastIndex;
    return Number(match[0]);
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail(`in literal ${word}`);
    this.at += word.length;
    return value;
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at += 1;
    }
  }

  private take(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  private fail(where: string): never {
    const found = this.text[this.at];
    if (found === undefined) throw new JsonSyntaxError('unexpected end of JSON input', this.at);
    throw new JsonSyntaxError(
      `invalid character ${JSON.stringify(found).replaceAll('"', "'")} ${where}`,
      this.at,
    );
  }
}

/** An ordinary assignment to `__proto__` would change the prototype instead of adding a field. */
function setOwn(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
  } else target[name] = value;
}
