import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BLOCK, request } from '#test/support/dns-plugin.ts';
import { ResponseCode } from '#wire/dns.ts';
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

test('a query that is of no zone is refused, and counted apart', () => {
  const metrics = new AnswerMetrics();
  const service = new SiteService(new AnswerTable(), { value: 0 }, () => undefined);
  service.dropped = metrics.countsFor({ server: 'dns://:53', zone: 'dropped', view: '', plugin: '' });
  const { query, client } = request('a.test', 'HTTPS');
  const response = service.answer(query.message, client);
  assert.equal(Buffer.isBuffer(response) && (response[3] ?? 0) & 15, ResponseCode.REFUSED);
  const text = metrics.text();
  assert.match(text, /coredns_dns_requests_total\{.*type="HTTPS".*zone="dropped"\} 1\n/);
  assert.match(text, /coredns_dns_responses_total\{plugin="",rcode="REFUSED".*zone="dropped"\} 1\n/);
});
