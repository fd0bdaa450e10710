import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { HtmlLinks } from './plan-html-links.ts';

/** The page in the given pieces, every URL in brackets. */
function rewritten(...pieces: string[]): string {
  const links = new HtmlLinks((url) => `[${url}]`);
  return pieces.map((piece) => links.push(piece)).join('') + links.end();
}

describe('HtmlLinks', () => {
  const rows: [what: string, page: string, expected: string][] = [
    ['double quotes', '<a href="/x">y</a>', '<a href="[/x]">y</a>'],
    ['single quotes', "<img alt='a>b' src='/x'/>", "<img alt='a>b' src='[/x]'/>"],
    ['no quotes', '<A HREF = /x class=y>', '<A HREF = [/x] class=y>'],
    ['several links of one element', '<video poster=/p src="/s">', '<video poster=[/p] src="[/s]">'],
    ['references as they are written', '<a href="/x?a=1&amp;b=2">', '<a href="[/x?a=1&amp;b=2]">'],
    ['an element of a raw text', '<script src=/s></script>', '<script src=[/s]></script>'],
    ['what follows a raw text', '<style>a>b</STYLE><a href=/x>', '<style>a>b</STYLE><a href=[/x]>'],
    ['what follows a comment', '<!-- <a href=/c> --><a href=/x>', '<!-- <a href=/c> --><a href=[/x]>'],
    ['what follows a stray <', '1 < 2 <<a href=/x>', '1 < 2 <<a href=[/x]>'],
  ];
  for (const [what, page, expected] of rows) {
    it(`rewrites links: ${what}`, () => assert.equal(rewritten(page), expected));
  }

  it('leaves alone what is no link', () => {
    for (const page of [
      '<a data-href="/x" title=href=/y>',
      '<p href="/x">',
      '<script>"<a href=/x>"</script>',
      '<textarea><a href=/x></textarea>',
      '<!DOCTYPE html><?xml a="<a href=/x>"?></a href=/x>',
      '<constructor href=/x>',
      '<a href="/x',
    ]) {
      assert.equal(rewritten(page), page);
    }
  });

  it('reads on after an empty script', () => {
    assert.equal(rewritten('<script></script><a href=/x>'), '<script></script><a href=[/x]>');
  });

  it('does the same whatever the pieces', () => {
    const token = fc.constantFrom(
      '<',
      '>',
      '"',
      "'",
      '/',
      '<a href=/x>',
      '<script>',
      '</script>',
      '<!--',
      '-->',
      'y',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 30 }), (tokens) => {
        const page = tokens.join('');
        assert.equal(rewritten(...page.split('')), rewritten(page));
        assert.equal(rewritten(...tokens), rewritten(page));
        assert.equal(rewritten(page).replaceAll(/\[|\]/g, ''), page);
      }),
    );
  });

  it('passes on what never ends', () => {
    const page = `<a href="${'x'.repeat(70_000)}`;
    const links = new HtmlLinks(() => 'never');
    assert.ok(links.push(page).length > 60_000);
  });
});
