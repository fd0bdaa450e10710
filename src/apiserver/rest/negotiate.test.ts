import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isStatusError } from '#api/machinery/status-error.ts';
import { negotiate } from './negotiate.ts';

const tables = ({ kind }: { kind: string }): boolean => kind === 'Table';

it('`negotiate()` takes the first clause of the highest quality that can be written', () => {
  assert.equal(negotiate(undefined, tables).mediaType, 'application/json');
  assert.equal(negotiate('text/html,application/json', tables).mediaType, 'application/json');
  assert.equal(
    negotiate('application/json;q=0.1,application/yaml;q=0.9', tables).mediaType,
    'application/yaml',
  );
  assert.deepEqual(negotiate('application/json;as=Table;v=v1;g=meta.k8s.io, application/json', tables).as, {
    kind: 'Table',
    version: 'v1',
    group: 'meta.k8s.io',
  });
  assert.equal(negotiate('application/json;as=Nope;v=v1;g=x,application/json', tables).as, undefined);
});

it('`negotiate()` throws 406 when nothing can be written', () => {
  for (const accept of ['text/plain', 'application/*', 'application/json;as=Nope']) {
    assert.throws(
      () => negotiate(accept, tables),
      (error) => isStatusError(error, 'NotAcceptable'),
    );
  }
});
