import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BLOCK, request } from '#test/support/dns-plugin.ts';
import { AnswerMetrics } from './answer-metrics.ts';
import { SiteService } from './answer-query.ts';
import { AnswerTable } from './answer-table.ts';
import { DROP } from './handler.ts';
import type { Site } from './site.ts';
import { ROOT } from './zone.ts';

test('a query that a plugin drops has no response, and is counted', () => {
  const metrics = new AnswerMetrics();
  const labels = { server: 'dns://:53', zone: '.', view: '' };
  const site: Site = {
    ...BLOCK,
    answer: () => DROP,
    matches: undefined,
    chaos: false,
    countsFor: (plugin) => metrics.countsFor({ ...labels, plugin }),
  };
  const service = new SiteService(new AnswerTable(), { value: 0 }, () => undefined);
  service.sites = new Map([[ROOT.key, [site]]]);
  const { query, client } = request('a.test', 'A');
  assert.equal(service.answer(query.message, client), undefined);
  assert.match(metrics.text(), /coredns_dns_requests_total\{.*type="A".*\} 1\n/);
});
