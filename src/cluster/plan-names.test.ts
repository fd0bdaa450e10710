import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { candidateNames } from './plan-names.ts';

describe('candidateNames()', () => {
  const cases: Record<string, string[]> = {
    'web.shop.svc.cluster.local': ['web.shop.svc.cluster.local'],
    'example.com.': ['example.com.'],
    web: ['web.default.svc.cluster.local', 'web'],
    'web.shop': ['web.shop.svc.cluster.local', 'web.shop'],
    'web.shop.svc': ['web.shop.svc.cluster.local', 'web.shop.svc'],
    'db-0.db.shop': ['db-0.db.shop', 'db-0.db.shop.svc.cluster.local'],
  };
  for (const [host, names] of Object.entries(cases)) {
    it(`tries ${names.join(', then ')} for ${host}`, () => assert.deepEqual(candidateNames(host), names));
  }
});
