import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { CorefileError, type Position } from './error.ts';
import { type Line, readLines, type Word } from './lines.ts';

/** One line with the block behind it: a plugin with its arguments, or an option within a plugin. */
export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  /** The lines between its braces; undefined when it has none. */
  readonly block: readonly Directive[] | undefined;
  readonly where: Position;
}

/** `ZONE[:PORT] … { directives }` as written. */
export interface WrittenBlock {
  readonly keys: readonly Word[];
  readonly directives: readonly Directive[];
  readonly where: Position;
}

export interface ReadOptions {
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Hears of what is odd but no error. */
  readonly warn?: ((message: string) => void) | undefined;
}

const MAX_IMPORTS = 1000;

/** Reads a Corefile's text; imports are read from files next to `file`. Throws `CorefileError`. */
export function parseCorefile(text: string, file: string, options: ReadOptions = {}): WrittenBlock[] {
  return new Parser(options).file(text, file);
}

/** The text with that of all files it imports behind it: differs when anything of it does. */
export function readCorefile(text: string, file: string, options: ReadOptions = {}): string {
  const parser = new Parser(options);
  parser.file(text, file);
  return [text, ...parser.imported].join('\n');
}

class Parser {
  /** Texts of imported files. */
  readonly imported: string[] = [];
  readonly #snippets = new Map<string, readonly Line[]>();
  readonly #env: NodeJS.ProcessEnv;
  readonly #warn: (message: string) => void;
  #imports = 0;

  constructor({ env = process.env, warn = () => {} }: ReadOptions) {
    this.#env = env;
    this.#warn = warn;
  }

  file(text: string, file: string): WrittenBlock[] {
    const blocks: WrittenBlock[] = [];
    const lines = new Lines(readLines(text, file, this.#env, this.#warn));
    for (let line = lines.next(); line !== undefined; line = lines.next()) {
      const [first] = line.words;
      if (first === undefined) throw unbalanced(line);
      if (first.text === 'import' && line.end === 'plain') {
        for (const imported of this.#import(line)) lines.unshift(imported);
        continue;
      }
      const snippet = /^\((.+)\)$/.exec(first.text);
      if (snippet !== null && line.words.length === 1) this.#defineSnippet(snippet[1] ?? '', line, lines);
      else blocks.push(this.#block(line, lines));
    }
    return blocks;
  }

  #defineSnippet(name: string, line: Line, lines: Lines): void {
    if (line.end !== 'opens') throw new CorefileError(line.where, `the snippet (${name}) has no { … }`);
    if (this.#snippets.has(name)) throw new CorefileError(line.where, `the snippet (${name}) is there twice`);
    const body: Line[] = [];
    for (let depth = 1; ; ) {
      const next = lines.next() ?? never(line);
      if (next.end === 'opens') depth++;
      if (next.end === 'closes') depth--;
      if (depth === 0) break;
      body.push(next);
    }
    this.#snippets.set(name, body);
  }

  #block(line: Line, lines: Lines): WrittenBlock {
    const words = [...line.words];
    let { end } = line;
    // A comma at the end of a line goes on with keys on the next one.
    while (end === 'plain' && (words.at(-1)?.text.endsWith(',') ?? false)) {
      const more = lines.next() ?? never(line);
      words.push(...more.words);
      end = more.end;
    }
    // The brace may be on the line below.
    const below = end === 'plain' ? lines.next() : undefined;
    if (below?.end === 'opens' && below.words.length === 0) end = 'opens';
    else if (below !== undefined) lines.unshift(below);
    const keys = words
      .flatMap(({ text, where }) => text.split(',').map((key) => ({ text: key, where })))
      .filter(({ text }) => text !== '');
    for (const { text, where } of keys) {
      if (text.endsWith('{')) throw new CorefileError(where, `a space is missing before { in ${text}`);
    }
    const directives = this.#directives(line, lines, end === 'opens');
    return { keys, directives, where: line.where };
  }

  /** Lines up to the closing brace, or, without braces around them, to the file's end. */
  #directives(opener: Line, lines: Lines, braces: boolean): Directive[] {
    const directives: Directive[] = [];
    for (;;) {
      const line = lines.next();
      if (line === undefined) {
        if (braces) never(opener);
        return directives;
      }
      if (line.end === 'closes') {
        if (!braces) throw unbalanced(line);
        return directives;
      }
      const [name, ...args] = line.words;
      if (name === undefined) throw new CorefileError(line.where, '{ without a name before it');
      if (name.text === 'import' && line.end === 'plain') {
        for (const imported of this.#import(line)) lines.unshift(imported);
        continue;
      }
      const block = line.end === 'opens' ? this.#directives(line, lines, true) : undefined;
      directives.push({ name: name.text, args: args.map(({ text }) => text), block, where: line.where });
    }
  }

  /** The lines that `import NAME` stands for, last first. */
  #import({ words, where }: Line): Line[] {
    const [, pattern, ...more] = words;
    if (pattern === undefined || more.length > 0)
      throw new CorefileError(where, 'import takes one argument: a snippet, a file or a pattern of files');
    if (++this.#imports > MAX_IMPORTS)
      throw new CorefileError(where, `more than ${MAX_IMPORTS} imports: one imports itself`);
    const snippet = this.#snippets.get(pattern.text);
    if (snippet !== undefined) return snippet.toReversed();
    return this.#filesOf(pattern.text, where)
      .flatMap((file) => {
        const text = readImported(file, where);
        this.imported.push(text);
        return readLines(text, file, this.#env, this.#warn);
      })
      .toReversed();
  }

  #filesOf(pattern: string, where: Position): string[] {
    const path = isAbsolute(pattern) ? pattern : join(dirname(where.file), pattern);
    if (!/[*?[]/.test(pattern)) return [path];
    const files = globSync(path).filter((file) => !basename(file).startsWith('.'));
    if (files.length === 0) this.#warn(`${where.file}:${where.line}: import ${pattern}: no file matches`);
    return files.toSorted();
  }
}

/** Lines to be read in order, before which others can be put. */
class Lines {
  readonly #reversed: Line[];

  constructor(lines: Line[]) {
    this.#reversed = lines.toReversed();
  }

  next(): Line | undefined {
    return this.#reversed.pop();
  }

  unshift(line: Line): void {
    this.#reversed.push(line);
  }
}

function readImported(file: string, where: Position): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CorefileError(
      where,
      `import ${file}: there is no snippet of this name and the file cannot be read (${code})`,
    );
  }
}

function unbalanced({ where, end }: Line): CorefileError {
  return new CorefileError(
    where,
    end === 'closes' ? '} without a { before it' : '{ without a zone before it',
  );
}

function never({ where }: Line): never {
  throw new CorefileError(where, 'the block that begins here has no closing }');
}
