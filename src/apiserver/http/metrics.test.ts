import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { it } from 'node:test';
import { Metrics } from './metrics.ts';

const request = (url: string): IncomingMessage => ({ method: 'GET', url }) as IncomingMessage;

it('`Metrics` counts requests by verb, resource and code', () => {
  const metrics = new Metrics();
  const done = metrics.begin(request('/apis/apps/v1/namespaces/a/deployments/web'));
  assert.match(metrics.text(), /^apiserver_current_inflight_requests 1$/m);
  done(200);
  assert.match(
    metrics.text(),
    /^apiserver_request_total\{verb="get",group="apps",resource="deployments",code="200"\} 1$/m,
  );
});

it('`Metrics` does not grow with the paths that clients make up', () => {
  const metrics = new Metrics();
  for (let i = 0; i < 100; i++) {
    metrics.begin(request(`/api/v1/thing${i}`))(403);
    metrics.begin(request(`/apis/group${i}/v1/pods`))(403);
    metrics.begin(request(`/%zz${i}`))(400);
  }
  assert(metrics.text().split('\n').length < 20);
});
