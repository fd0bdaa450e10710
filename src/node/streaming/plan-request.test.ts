import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { planRequest } from './plan-request.ts';
import { exitStatus, refusalStatus } from './plan-status.ts';

const container = { namespace: 'ns', pod: 'p', container: 'c' };

describe('planRequest()', () => {
  it('reads the options of logs', () => {
    const plan = planRequest(
      'GET',
      '/containerLogs/ns/p/c?follow=true&tailLines=0&limitBytes=9&stream=Stderr',
    );
    assert.deepEqual(plan, {
      kind: 'logs',
      container,
      options: {
        follow: true,
        previous: false,
        timestamps: false,
        tailLines: 0,
        sinceSeconds: undefined,
        sinceTime: undefined,
        limitBytes: 9,
        stream: 'stderr',
      },
    });
  });

  it('reads commands word by word, and streams by the kubelet’s names', () => {
    const plan = planRequest('GET', '/exec/ns/p/c?command=sh&command=-c&command=a%20%26+b&input=1&error=1');
    assert.deepEqual(plan, {
      kind: 'exec',
      container,
      options: { command: ['sh', '-c', 'a & b'], stdin: true, stdout: false, stderr: true, tty: false },
    });
  });

  it('takes the path with the pod’s uid too', () => {
    const plan = planRequest('GET', '/attach/ns/p/some-uid/c?output=1');
    assert.deepEqual(plan.kind === 'attach' && plan.container, container);
  });

  it('knows that a terminal has one output', () => {
    const plan = planRequest('GET', '/exec/ns/p/c?command=sh&output=1&error=1&tty=1');
    assert.deepEqual(plan.kind === 'exec' && [plan.options.stdout, plan.options.stderr], [true, false]);
  });

  const refused: [string, string, number][] = [
    ['GET', '/exec/ns/p/c?output=1', 400],
    ['GET', '/exec/ns/p/c?command=x', 400],
    ['GET', '/exec/ns/p?command=x&output=1', 404],
    ['GET', '/portForward/ns', 404],
    ['GET', '/containerLogs/ns/p/c?tailLines=-1', 400],
    ['POST', '/containerLogs/ns/p/c', 405],
    ['GET', '/%ff', 400],
    ['GET', '/', 404],
  ];
  for (const [method, url, status] of refused) {
    it(`refuses ${method} ${url} with ${status}`, () => {
      const plan = planRequest(method, url);
      assert.equal(plan.kind === 'refused' && plan.status, status);
    });
  }

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => typeof planRequest('GET', `/exec/${text}`).kind === 'string'),
    );
  });
});

describe('exitStatus()', () => {
  it('is success for zero, and tells every other exit code', () => {
    assert.equal(exitStatus({ exitCode: 0 }).status, 'Success');
    assert.equal(exitStatus({ exitCode: 3 }).message, 'command terminated with exit code 3');
    assert.equal(exitStatus({ signal: 'SIGTERM' }).details?.causes?.[0]?.message, '143');
  });
});

describe('refusalStatus()', () => {
  it('carries code and reason', () => {
    assert.deepEqual(refusalStatus('notFound', 'no container'), {
      metadata: {},
      status: 'Failure',
      message: 'no container',
      reason: 'NotFound',
      code: 404,
    });
    assert.equal(refusalStatus('internal', 'x').message, 'Internal error occurred: x');
  });
});
