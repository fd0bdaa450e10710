import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BLOCK, request } from '#test/support/dns-plugin.ts';
import { placeQuery } from './place-query.ts';
import type { Site } from './site.ts';
import { parseZones } from './zone.ts';

function sitesOf(...zones: string[]): Map<string, Site[]> {
  return new Map(
    zones.flatMap((zone) =>
      parseZones(zone).map(({ key, text }): [string, Site[]] => {
        const site = { ...BLOCK, zone: text, chaos: false, matches: undefined };
        return [key, [site as unknown as Site]];
      }),
    ),
  );
}

function placed(sites: Map<string, Site[]>, name: string, type: string, queryClass = 1): string | undefined {
  const { query, client } = request(name, type);
  return placeQuery(sites, { ...query, class: queryClass }, client, 512)?.block.zone;
}

test('placeQuery() takes the longest zone', () => {
  const sites = sitesOf('.', 'test', 'a.test');
  assert.equal(placed(sites, 'x.a.test', 'A'), 'a.test.');
  assert.equal(placed(sites, 'b.test', 'A'), 'test.');
  assert.equal(placed(sites, 'other', 'A'), '.');
});

test('placeQuery() gives DS to the zone above, but not to the root', () => {
  const sites = sitesOf('.', 'test', 'a.test', 'cluster.local');
  assert.equal(placed(sites, 'a.test', 'DS'), 'test.');
  assert.equal(placed(sites, 'x.cluster.local', 'DS'), 'cluster.local.');
  assert.equal(placed(sites, 'other', 'DS'), '.');
  assert.equal(placed(sitesOf('test'), 'other', 'DS'), undefined);
});

test('placeQuery() takes other classes than IN only where somebody wants them', () => {
  const sites = sitesOf('test');
  assert.equal(placed(sites, 'a.test', 'TXT', 3), undefined);
  for (const [site] of sites.values()) Object.assign(site ?? {}, { chaos: true });
  assert.equal(placed(sites, 'a.test', 'TXT', 3), 'test.');
  assert.equal(placed(sites, 'a.test', 'TXT', 255), 'test.');
});
