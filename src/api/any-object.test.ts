// Whatever a client sends that has the right types: no kind's rules may fail over it.
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodeParsed } from '#api/machinery/decode.ts';
import { allKinds, type KindInfo } from '#api/machinery/kinds.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { isStruct, shapeOf, typeInfo } from '#api/machinery/schema.ts';
import { strategyFor } from '#api/machinery/strategy.ts';
import { tableRow } from '#api/machinery/table.ts';

const RUNS_PER_KIND = 100;
const MAX_DEPTH = 7;
const TEXTS = [
  '',
  'a',
  'A.b',
  '10.0.0.1',
  '::1',
  '10.0.0.0/24',
  'TCP',
  'None',
  'ClusterIP',
  '50%',
  '*',
  '/x',
  '\0',
];
const NUMBERS = [0, 1, -1, 80, 65_536, 2_147_483_647];

const SCALARS: Readonly<Record<string, readonly unknown[]>> = {
  string: TEXTS,
  bool: [true, false],
  int32: NUMBERS,
  int64: NUMBERS,
  uint32: [0, 80],
  IntOrString: [...NUMBERS, '50%', ''],
  Quantity: ['1', '100m', '-1Gi'],
  Time: ['2026-01-01T00:00:00Z'],
  MicroTime: ['2026-01-01T00:00:00.000000Z'],
  Duration: ['1s'],
  bytes: ['', 'YQ=='],
  double: [1.5],
  float: [1.5],
  FieldsV1: [{}],
};

type Pick = <T>(of: readonly T[]) => T;

/** Chooses by a linear congruential generator: the same seed, the same choices. */
function pickerOf(seed: number): Pick {
  let state = seed;
  return (of) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return of[(state >>> 16) % of.length] as (typeof of)[number];
  };
}

/** Values of a type of the schema, any field of which may be missing or null. */
function valueOf(type: string, pick: Pick, depth = 0): unknown {
  if (pick([0, 1, 2, 3, 4, 5, 6, 7]) === 0) return null;
  const shape = shapeOf(type);
  const count = pick([0, 1, 2]);
  if (shape.kind === 'list') return Array.from({ length: count }, () => valueOf(shape.item, pick, depth + 1));
  if (shape.kind === 'map') {
    const keys = ['a', 'b.c/d', '__proto__', ''].slice(0, count);
    return Object.fromEntries(keys.map((key) => [key, valueOf(shape.value, pick, depth + 1)]));
  }
  if (!isStruct(type)) return pick(SCALARS[type] ?? [{}, 'a', null]);
  const fields = depth < MAX_DEPTH ? typeInfo(type).fields.filter(() => pick([true, true, false])) : [];
  return Object.fromEntries(fields.map((field) => [field.n, valueOf(field.t, pick, depth + 1)]));
}

function objectOf(kind: KindInfo, pick: Pick): KubeObject {
  const value = { ...(valueOf(kind.type, pick) as object), apiVersion: kind.apiVersion, kind: kind.kind };
  return decodeParsed({ value, duplicates: [] }, kind).object;
}

for (const kind of allKinds()) {
  test(`${kind.apiVersion} ${kind.kind}: defaults, rules and columns take every object`, () => {
    const strategy = strategyFor(kind);
    const run = (seed: number): void => {
      const pick = pickerOf(seed);
      const object = objectOf(kind, pick);
      strategy.defaults(object);
      strategy.prepareForCreate(object);
      const stored = strategy.validateCreate(object).length === 0;
      strategy.warnings(object);
      strategy.selectableFields(object);
      if (stored) tableRow(kind, object);
      const next = objectOf(kind, pick);
      strategy.defaults(next);
      strategy.prepareForUpdate(next, object);
      strategy.validateUpdate(next, object);
      strategy.warnings(next, object);
    };
    fc.assert(fc.property(fc.nat(), run), { numRuns: RUNS_PER_KIND });
  });
}
