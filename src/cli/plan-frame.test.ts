import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { array, assert as assertProperty, property, stringMatching } from 'fast-check';
import { planFrame } from './plan-frame.ts';

/** A control sequence that planFrame() uses, or one character. */
const SEQUENCE = new RegExp(String.raw`\u001b\[\?2026[hl]|\u001b\[\d*[AJK]|[^]`, 'g');

/** What a terminal with room enough shows: of the sequences in use, those that move and clear. */
class Screen {
  readonly lines: string[] = [''];
  #row = 0;
  #column = 0;

  write(text: string): void {
    for (const [token] of text.matchAll(SEQUENCE)) this.#apply(token);
  }

  #apply(token: string): void {
    if (token.includes('?2026')) return;
    if (token === '\r') this.#column = 0;
    else if (token === '\n') {
      this.#row += 1;
      this.#column = 0;
      this.lines[this.#row] ??= '';
    } else if (token.endsWith('A') && token.length > 1) this.#row -= Number(token.slice(2, -1));
    else if (token === '\u001b[K') this.lines[this.#row] = this.#line().slice(0, this.#column);
    else if (token === '\u001b[J') {
      this.lines.length = this.#row + 1;
      this.lines[this.#row] = this.#line().slice(0, this.#column);
    } else {
      const line = this.#line();
      this.lines[this.#row] = line.slice(0, this.#column) + token + line.slice(this.#column + 1);
      this.#column += 1;
    }
  }

  #line(): string {
    return this.lines[this.#row] ?? '';
  }
}

describe('planFrame()', () => {
  it('leaves exactly the new lines on the screen, whatever was drawn before', () => {
    const frame = array(stringMatching(/^[a-c ]{0,6}$/), { maxLength: 6 });
    assertProperty(
      property(array(frame, { minLength: 1, maxLength: 5 }), (frames) => {
        const screen = new Screen();
        let last: readonly string[] = [];
        for (const next of frames) {
          screen.write(planFrame(last, next));
          assert.deepEqual(screen.lines, [...next, '']);
          last = next;
        }
      }),
    );
  });

  it('writes nothing when nothing changed, and not the lines that stayed', () => {
    assert.equal(planFrame(['a', 'b'], ['a', 'b']), '');
    const frame = planFrame(['stays', 'old'], ['stays', 'new']);
    assert.ok(!frame.includes('stays') && frame.includes('new'), frame);
  });
});
