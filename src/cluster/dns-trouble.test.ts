import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerStateTerminated, Pod } from '#api/core/v1.gen.ts';
import { lastWords } from './dns-trouble.ts';

function pod(state: ContainerStateTerminated | undefined, lastState?: ContainerStateTerminated): Pod {
  const status = { name: 'dns', image: '', imageID: '', ready: false, restartCount: 1 };
  return {
    status: {
      containerStatuses: [{ ...status, state: { terminated: state }, lastState: { terminated: lastState } }],
    },
  };
}

function end(exitCode: number, message: string, second = 0): ContainerStateTerminated {
  return { exitCode, message, finishedAt: `2026-01-01T00:00:0${second}Z` };
}

test('lastWords() is the last line of the container that failed last', () => {
  const pods = [
    pod(end(1, 'starting\nCorefile:2: old\n', 1)),
    pod(undefined, end(1, 'starting\nCorefile:3: new\n', 2)),
  ];
  assert.equal(lastWords(pods), 'Corefile:3: new');
});

test('lastWords() is undefined when nothing failed or nothing was said', () => {
  assert.equal(lastWords([]), undefined);
  assert.equal(lastWords([{}, pod(undefined), pod(end(0, 'done')), pod(end(1, ' \n'))]), undefined);
});
