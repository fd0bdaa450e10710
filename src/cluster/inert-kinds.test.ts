import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allKinds } from '#api/machinery/kinds.ts';
import { INERT_KINDS } from './inert-kinds.ts';

describe('INERT_KINDS', () => {
  it('names kinds that there are', () => {
    const served = new Set(allKinds().map(({ group, kind }) => `${group}/${kind}`));
    for (const name of INERT_KINDS) assert.ok(served.has(name), name);
  });
});
