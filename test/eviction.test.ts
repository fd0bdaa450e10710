// Evictions and PodDisruptionBudgets, without a controller: the test says what it would have counted.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Pod } from '#api/core/v1.gen.ts';
import { isStatusError } from '#api/machinery/status-error.ts';
import { isNotFound } from '#kube/errors.ts';
import { POD_DISRUPTION_BUDGETS, PODS } from '#kube/resources.ts';
import { startTestApiServer, type TestApiServer } from '#test/support/api-server.ts';

const namespace = 'default';
let api: TestApiServer;
before(async () => {
  api = await startTestApiServer({ disableAdmission: ['ServiceAccount'] });
});
after(() => api[Symbol.asyncDispose]());

async function runningPod(name: string): Promise<void> {
  const spec = { containers: [{ name: 'c', image: 'i' }] };
  await api.client.create(PODS, { metadata: { namespace, name, labels: { app: 'a' } }, spec });
  await api.client.patch(
    PODS,
    { namespace, name },
    { status: { phase: 'Running' } },
    { subresource: 'status' },
  );
}

/** Undefined when the pod was evicted, else the code of the refusal. Asked once: the client would try again. */
async function evict(name: string, dryRun = false): Promise<number | undefined> {
  const signal = AbortSignal.timeout(1000);
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } };
  try {
    await api.client.createSubresource(PODS, { namespace, name }, 'eviction', body, { dryRun, signal });
    return undefined;
  } catch (error) {
    if (error === signal.reason) return 429;
    return isStatusError(error) ? error.code : 0;
  }
}

const isThere = (name: string): Promise<Pod | false> =>
  api.client.get(PODS, { namespace, name }).catch((error: unknown) => {
    if (isNotFound(error)) return false;
    throw error;
  });

it('of pods evicted at the same time no more go than their budget allows', async () => {
  const names = ['p1', 'p2', 'p3'];
  for (const name of names) await runningPod(name);
  const selector = { matchLabels: { app: 'a' } };
  const { metadata } = await api.client.create(POD_DISRUPTION_BUDGETS, {
    metadata: { namespace, name: 'budget' },
    spec: { selector, minAvailable: 2 },
  });
  assert.equal(await evict('p1'), 429, 'nothing has been counted yet');
  const status = {
    observedGeneration: metadata?.generation ?? 0,
    disruptionsAllowed: 1,
    currentHealthy: 3,
    desiredHealthy: 2,
    expectedPods: 3,
  };
  const key = { namespace, name: 'budget' };
  await api.client.patch(POD_DISRUPTION_BUDGETS, key, { status }, { subresource: 'status' });
  assert.equal(await evict('p1', true), undefined, 'a dry run spends nothing');
  const answers = await Promise.all(names.map((name) => evict(name)));
  assert.equal(answers.filter((code) => code === 429).length, 2);
  assert.equal(answers.filter((code) => code === undefined).length, 1);
  const left = await Promise.all(names.map(isThere));
  assert.equal(left.filter((pod) => pod !== false).length, 2);
  const budget = await api.client.get(POD_DISRUPTION_BUDGETS, key);
  assert.equal(budget.status?.disruptionsAllowed, 0);
  assert.equal(Object.keys(budget.status?.disruptedPods ?? {}).length, 1);
});
