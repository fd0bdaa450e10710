import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OwnerReference } from '#api/meta/v1.gen.ts';
import { PODS } from '#kube/resources.ts';
import { type OwnerState, planDeleting, planOwned, stateInGraph } from './plan-collect.ts';
import { Graph, type GraphNode, graphNodeOf } from './plan-graph.ts';

const owner = (uid: string, blockOwnerDeletion = true): OwnerReference => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name: uid,
  uid,
  blockOwnerDeletion,
});

function node(
  uid: string,
  owners: OwnerReference[] = [],
  finalizers: string[] = [],
  deleting = false,
): GraphNode {
  const deletionTimestamp = deleting ? '2026-01-01T00:00:00Z' : undefined;
  return graphNodeOf(PODS, {
    metadata: { name: uid, uid, ownerReferences: owners, finalizers, deletionTimestamp },
  });
}

function owned(states: Record<string, OwnerState>, dependents: GraphNode[] = [], finalizers: string[] = []) {
  const owners = Object.keys(states).map((uid) => owner(uid));
  const known = new Map(owners.map((reference) => [reference, states[reference.uid] ?? 'there']));
  return planOwned(node('x', owners, finalizers), known, dependents);
}

test('`planOwned()` keeps what has an owner, and what never had one', () => {
  assert.deepEqual(owned({ a: 'there' }), { kind: 'keep' });
  assert.deepEqual(owned({}), { kind: 'keep' });
});

test('`planOwned()` deletes when every owner is gone, as the own finalizers ask for', () => {
  assert.deepEqual(owned({ a: 'absent', b: 'absent' }), { kind: 'delete', propagation: 'Background' });
  assert.deepEqual(owned({ a: 'absent' }, [], ['orphan']), { kind: 'delete', propagation: 'Orphan' });
  assert.deepEqual(owned({ a: 'absent' }, [], ['foregroundDeletion']), {
    kind: 'delete',
    propagation: 'Foreground',
  });
});

test('`planOwned()` drops references to owners that are gone while another is there', () => {
  assert.deepEqual(owned({ a: 'absent', b: 'there', c: 'waiting' }), {
    kind: 'drop-owners',
    uids: ['a', 'c'],
  });
});

test('`planOwned()` goes with an owner that waits: in the foreground when it has dependents of its own', () => {
  assert.deepEqual(owned({ a: 'waiting' }), { kind: 'delete', propagation: 'Background' });
  assert.deepEqual(owned({ a: 'waiting' }, [node('y')]), { kind: 'delete', propagation: 'Foreground' });
});

test('`planOwned()` leaves alone what is being deleted already', () => {
  const reference = owner('a');
  const going = node('x', [reference], [], true);
  assert.deepEqual(planOwned(going, new Map([[reference, 'absent']]), []), { kind: 'keep' });
});

test('`planDeleting()` waits for dependents that block, and for no others', () => {
  const going = node('x', [], ['foregroundDeletion'], true);
  const blocking = node('y', [owner('x')]);
  const free = node('z', [owner('x', false)]);
  assert.deepEqual(planDeleting(going, [blocking, free]), { kind: 'delete-dependents', uids: ['y', 'z'] });
  assert.deepEqual(planDeleting(going, [free]), { kind: 'finish-foreground' });
});

test('`planDeleting()` frees dependents for the finalizer orphan; others are not its business', () => {
  assert.deepEqual(planDeleting(node('x', [], ['orphan'], true), []), { kind: 'orphan-dependents' });
  assert.deepEqual(planDeleting(node('x', [], ['example.com/own'], true), []), { kind: 'keep' });
  assert.deepEqual(planDeleting(node('x', [], ['orphan']), []), { kind: 'keep' });
});

test('`stateInGraph()` believes presence, never absence', () => {
  assert.equal(stateInGraph(undefined, owner('a')), undefined);
  assert.equal(stateInGraph(node('a'), owner('a')), 'there');
  const waiting = node('a', [], ['foregroundDeletion'], true);
  assert.equal(stateInGraph(waiting, owner('a')), 'waiting');
  assert.equal(stateInGraph(waiting, owner('a', false)), 'there');
});

test('`Graph` follows changing owners', () => {
  const graph = new Graph();
  graph.set(node('x', [owner('a')]));
  graph.set(node('x', [owner('b')]));
  assert.deepEqual(graph.dependentsOf('a'), []);
  assert.deepEqual(
    graph.dependentsOf('b').map(({ uid }) => uid),
    ['x'],
  );
  graph.delete('x');
  graph.delete('never');
  assert.deepEqual(graph.dependentsOf('b'), []);
  assert.equal(graph.get('x'), undefined);
});
