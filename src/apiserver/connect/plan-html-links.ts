/** Links of HTML pages that pass through a proxy: every URL of a page is put through one function. */

/** Elements and those of their attributes that hold one URL (HTML, and what came before it). */
const URL_ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['formaction', 'src', 'usemap'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};

/** Elements whose content is text up to their end tag, whatever it looks like. */
const RAW_TEXT: Readonly<Record<string, RegExp>> = Object.fromEntries(
  ['iframe', 'noembed', 'noframes', 'script', 'style', 'textarea', 'title', 'xmp'].map((name) => [
    name,
    new RegExp(`(?=</${name})`, 'i'),
  ]),
);

const COMMENT_END = /-->/;
const TAG_END = />/;
const START_TAG = /^<([a-z][^\s/>]*)((?:[^>"']|"[^"]*"|'[^']*')*)>/i;
const ATTRIBUTE = /([^\s"'<>/=]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'=<>`]+)/g;

/** A start tag longer than this passes as it is, and so does what only looks like one. */
const MAX_TAG_LENGTH = 65_536;
/** The longest beginning that is not yet told apart from text: that of the longest terminator. */
const MAX_TERMINATOR_LENGTH = 16;

/** Piece by piece, holding back no more than one tag. Any text in, never an error. */
export class HtmlLinks {
  readonly #rewrite: (url: string) => string;
  #kept = '';
  /** In a stretch that is not markup: what ends it. */
  #terminator: RegExp | undefined;

  /** `rewrite` gets URLs as they are written, character references and all. */
  constructor(rewrite: (url: string) => string) {
    this.#rewrite = rewrite;
  }

  /** Returns what is certain by now. */
  push(piece: string): string {
    let left = this.#kept + piece;
    let certain = '';
    for (;;) {
      const terminator = this.#terminator;
      const [used, text] = terminator === undefined ? this.#readMarkup(left) : this.#readStretch(left);
      certain += text;
      left = left.slice(used);
      // The end of a stretch may take no text, as in an empty script: then what follows is still to be read.
      if (left === '' || (used === 0 && this.#terminator === terminator)) break;
    }
    this.#kept = left;
    return certain;
  }

  /** What was held back; nothing may follow. */
  end(): string {
    return this.#kept;
  }

  /** How much was read, and what becomes of it. */
  #readStretch(left: string): [used: number, text: string] {
    const end = this.#terminator?.exec(left);
    const used = end ? end.index + end[0].length : Math.max(0, left.length - MAX_TERMINATOR_LENGTH);
    if (end) this.#terminator = undefined;
    return [used, left.slice(0, used)];
  }

  #readMarkup(left: string): [used: number, text: string] {
    const start = left.indexOf('<');
    if (start !== 0) {
      const used = start < 0 ? left.length : start;
      return [used, left.slice(0, used)];
    }
    // Too little to tell a comment from a declaration.
    if (left.length < 4) return [0, ''];
    if (/^<[!/?]/.test(left)) {
      this.#terminator = left.startsWith('<!--') ? COMMENT_END : TAG_END;
      return [2, left.slice(0, 2)];
    }
    const tag = START_TAG.exec(left.slice(0, MAX_TAG_LENGTH));
    if (tag) return [tag[0].length, this.#readTag(tag)];
    return /^<[a-z]/i.test(left) && left.length < MAX_TAG_LENGTH ? [0, ''] : [1, '<'];
  }

  #readTag([text, written = '', attributes = '']: RegExpExecArray): string {
    const name = written.toLowerCase();
    if (Object.hasOwn(RAW_TEXT, name)) this.#terminator = RAW_TEXT[name];
    const wanted = Object.hasOwn(URL_ATTRIBUTES, name) ? URL_ATTRIBUTES[name] : undefined;
    if (wanted === undefined) return text;
    const rewritten = attributes.replace(
      ATTRIBUTE,
      (all: string, key: string, equals: string, value: string) =>
        wanted.includes(key.toLowerCase()) ? `${key}${equals}${this.#rewriteValue(value)}` : all,
    );
    return `<${written}${rewritten}>`;
  }

  #rewriteValue(value: string): string {
    const quote = value.startsWith('"') || value.startsWith("'") ? value.charAt(0) : '';
    return `${quote}${this.#rewrite(value.slice(quote.length, value.length - quote.length))}${quote}`;
  }
}
