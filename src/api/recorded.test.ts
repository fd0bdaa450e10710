// Defaults, validation, patches and warnings of all kinds, against what kube-apiserver answered. What the API server
// adds around the kinds (allocation, admission, storage) is left out of the cases or stood in for here.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { planServiceFamilies } from './core/service-families.ts';
import type { Service } from './core/v1.gen.ts';
import { decodeParsed } from './machinery/decode.ts';
import { cloneJson } from './machinery/equal.ts';
import type { FieldError } from './machinery/field-error.ts';
import { type KindInfo, kindFor } from './machinery/kinds.ts';
import { isJsonObject, type KubeObject, metaOf } from './machinery/object.ts';
import { type PatchType, readPatch } from './machinery/patch.ts';
import { invalid, isInvalid, type StatusError } from './machinery/status-error.ts';
import { strategyFor } from './machinery/strategy.ts';

interface Step {
  do: 'create' | 'update' | PatchType;
  status?: boolean;
  resource: string;
  name?: string;
  body: unknown;
  causes?: string[];
  object?: unknown;
  warnings?: number;
}
interface RecordedCase {
  name: string;
  families?: string[];
  steps: Step[];
}

const file = join(import.meta.dirname, '../../test/fixtures/api/recorded.json');
const cases = JSON.parse(readFileSync(file, 'utf8')) as RecordedCase[];
assert.ok(cases.length > 1000);

for (const recorded of cases) test(recorded.name, () => runCase(recorded));

interface Result {
  object: KubeObject;
  warnings: string[];
}

function runCase({ steps, families = ['IPv4'] }: RecordedCase): void {
  const stored = new Map<string, KubeObject>();
  nodePorts = 31001;
  for (const step of steps) {
    const kind = kindOf(step.resource);
    const key = `${step.resource} ${step.name ?? ''}`;
    const run = () =>
      step.do === 'create' ? create(kind, step, families) : change(kind, step, stored.get(key), families);
    if (step.causes !== undefined) {
      assert.throws(run, (error) => {
        assert.ok(isInvalid(error), String(error));
        const causes = (error as StatusError).status.details?.causes ?? [];
        assert.deepEqual(causes.map(({ field, reason }) => `${field} ${reason}`).sort(), step.causes);
        return true;
      });
      continue;
    }
    const { object, warnings } = run();
    if (step.object !== undefined) assertAlike(object, step.object);
    assert.equal(new Set(warnings).size, step.warnings ?? 0, warnings.join());
    stored.set(`${step.resource} ${object.metadata?.name}`, object);
  }
}

function kindOf(resource: string): KindInfo {
  const [plural = '', version = '', group = ''] = resource.split('/').reverse();
  const kind = kindFor(group, version, plural);
  assert.ok(kind, resource);
  return kind;
}

function create(kind: KindInfo, step: Step, families: string[]): Result {
  const strategy = strategyFor(kind);
  const { object, warnings } = decodeParsed({ value: step.body, duplicates: [] }, kind);
  const meta = metaOf(object);
  if (kind.namespaced) meta.namespace ??= 'nsx';
  meta.uid = 'u';
  if (!meta.name && meta.generateName) meta.name = `${meta.generateName}abcde`;
  strategy.defaults(object);
  strategy.prepareForCreate(object);
  refuse(kind, object, allocate(kind, object, undefined, families));
  refuse(kind, object, strategy.validateCreate(object));
  return { object, warnings: [...warnings, ...strategy.warnings(object)] };
}

function change(kind: KindInfo, step: Step, old: KubeObject | undefined, families: string[]): Result {
  assert.ok(old, `nothing stored for ${step.name}`);
  const strategy = strategyFor(kind);
  const { object, warnings } = decodeChange(kind, step, old);
  const meta = metaOf(object);
  if (kind.namespaced) meta.namespace ??= 'nsx';
  meta.resourceVersion ??= '1';
  strategy.defaults(object);
  if (step.status) {
    strategy.prepareForStatusUpdate(object, old);
    refuse(kind, object, strategy.validateStatusUpdate(object, old));
    return { object, warnings };
  }
  strategy.prepareForUpdate(object, old);
  refuse(kind, object, allocate(kind, object, old, families));
  refuse(kind, object, strategy.validateUpdate(object, old));
  return { object, warnings: [...warnings, ...strategy.warnings(object, old)] };
}

function decodeChange(kind: KindInfo, step: Step, old: KubeObject): Result {
  if (step.do === 'create' || step.do === 'update')
    return decodeParsed({ value: step.body, duplicates: [] }, kind);
  return readPatch({ type: step.do, text: JSON.stringify(step.body) }).apply(old, kind);
}

function refuse(kind: KindInfo, object: KubeObject, errors: FieldError[]): void {
  if (errors.length > 0) throw invalid(kind, object.metadata?.name ?? '', errors);
}

/** What the records of updates were made with: node ports from 31001 on in each case, 30999 for health checks. */
let nodePorts = 31001;
const HEALTH_CHECK_PORT = 30999;

/** Stands in for the API server's allocators. */
function allocate(
  kind: KindInfo,
  object: KubeObject,
  old: KubeObject | undefined,
  families: string[],
): FieldError[] {
  if (kind.kind !== 'Service') return [];
  const service = object as Service;
  const errors = planServiceFamilies(service, old, families);
  const { spec } = service;
  if (errors.length > 0 || spec === undefined) return errors;
  if (spec.type !== 'ExternalName' && spec.clusterIPs?.[0] !== 'None') {
    const given = spec.clusterIPs ?? [];
    const missing = (spec.ipFamilies ?? []).slice(given.length);
    spec.clusterIPs = [
      ...given,
      ...missing.map((family) => (family === 'IPv4' ? '10.96.200.1' : 'fd00:96::200')),
    ];
    spec.clusterIP = spec.clusterIPs[0];
  }
  const balanced = spec.type === 'LoadBalancer';
  if (spec.type === 'NodePort' || (balanced && spec.allocateLoadBalancerNodePorts !== false)) {
    for (const port of spec.ports ?? []) port.nodePort ??= nodePorts++;
  }
  if (balanced && spec.externalTrafficPolicy === 'Local') spec.healthCheckNodePort ??= HEALTH_CHECK_PORT;
  return [];
}

const SERVER_METADATA = ['uid', 'creationTimestamp', 'resourceVersion', 'namespace', 'managedFields'];

/** Equal but for what the server chooses, which the record shows as `<…>`. */
function assertAlike(got: unknown, want: unknown): void {
  const copy = cloneJson(got) as { metadata?: Record<string, unknown> };
  const wanted = cloneJson(want) as { metadata?: Record<string, unknown> };
  for (const name of SERVER_METADATA) {
    delete copy.metadata?.[name];
    delete wanted.metadata?.[name];
  }
  assert.deepEqual(blank(JSON.parse(JSON.stringify(copy)), wanted), wanted);
}

/** Puts the record's placeholders in place of chosen values. */
function blank(got: unknown, want: unknown): unknown {
  if (typeof want === 'string' && want.startsWith('<')) return want;
  if (Array.isArray(got) && Array.isArray(want)) return got.map((item, index) => blank(item, want[index]));
  if (!isJsonObject(got) || !isJsonObject(want)) return got;
  return Object.fromEntries(Object.entries(got).map(([name, value]) => [name, blank(value, want[name])]));
}
