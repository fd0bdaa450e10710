import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ConnectionError, StatusError } from '#kube/errors.ts';
import { WatchTroubles } from './watch-troubles.ts';

const MINUTE = 60_000;

function lab(t: TestContext) {
  t.mock.timers.enable({ apis: ['Date', 'setInterval'], now: 1_000_000 });
  const said: string[] = [];
  const troubles = new WatchTroubles((message, level = 'INFO') => said.push(`${level} ${message}`));
  t.after(() => troubles[Symbol.dispose]());
  const kinds = ['services', 'pods'].map((name) => ({ name, lastContactMs: 0 }));
  const [services = assert.fail(), pods = assert.fail()] = kinds;
  return { said, troubles, services, pods };
}

function refused(path: string): ConnectionError {
  const cause = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:6443'), { code: 'ECONNREFUSED' });
  return new ConnectionError(`GET https://10.0.0.1:6443/api/v1/${path}?watch=true`, cause);
}

function forbidden(message: string): StatusError {
  return new StatusError({ code: 403, reason: 'Forbidden', message });
}

test('WatchTroubles tells one reason once, whatever kind and however often', (t) => {
  const { said, troubles, services, pods } = lab(t);
  for (let i = 0; i < 100; i++) {
    troubles.failed(services, refused('services'));
    troubles.failed(pods, refused('pods'));
  }
  assert.deepEqual(said, [
    'ERROR the API server https://10.0.0.1:6443 cannot be reached: connect ECONNREFUSED 10.0.0.1:6443; it is tried until it works',
  ]);
});

test('WatchTroubles tells what is refused kind by kind', (t) => {
  const { said, troubles, services, pods } = lab(t);
  troubles.failed(services, forbidden('services is forbidden'));
  troubles.failed(pods, forbidden('pods is forbidden'));
  troubles.failed(pods, forbidden('pods is forbidden'));
  assert.deepEqual(said, [
    'ERROR services cannot be followed: services is forbidden (403); the account needs list and watch; it is tried until it works',
    'ERROR pods cannot be followed: pods is forbidden (403); the account needs list and watch; it is tried until it works',
  ]);
});

test('WatchTroubles reminds after five minutes', (t) => {
  const { said, troubles, services } = lab(t);
  for (let minute = 0; minute < 12; minute++) {
    troubles.failed(services, refused('services'));
    t.mock.timers.tick(MINUTE);
  }
  assert.deepEqual(
    said.map((line) => / \(for \d+ s\)/.exec(line)?.[0]),
    [undefined, ' (for 300 s)', ' (for 600 s)'],
  );
});

test('WatchTroubles tells when every kind was heard again, and is ready for the next time', (t) => {
  const { said, troubles, services, pods } = lab(t);
  troubles.failed(services, refused('services'));
  troubles.failed(pods, refused('pods'));
  t.mock.timers.tick(30_000);
  services.lastContactMs = Date.now();
  t.mock.timers.tick(MINUTE);
  assert.equal(said.length, 1, 'pods are still missing');
  pods.lastContactMs = Date.now();
  t.mock.timers.tick(1000);
  assert.equal(said.at(-1), 'INFO the API server is followed again, after 91 s');
  t.mock.timers.tick(MINUTE);
  assert.equal(said.length, 2);
  troubles.failed(pods, refused('pods'));
  assert.equal(said.length, 3);
});
