// Plays recorded cases of the endpoint controllers on plain objects: no server, only the plans.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Endpoints, Node, Pod, PodCondition, Service } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { applyMergePatch } from '#api/machinery/patch-merge.ts';
import { canonicalJson } from '#controllers/shared/template-hash.ts';

type Json = Record<string, unknown>;

export interface RecordedStep {
  do: Json[];
  expect: { endpointslices: Json[]; endpoints: Json[]; triggerTime?: 'any' };
}

export interface RecordedCase {
  name: string;
  about: string;
  compare?: { trigger?: 'any' };
  steps: RecordedStep[];
}

interface PodOperation {
  name: string;
  labels?: Record<string, string>;
  node?: string | null;
  ips?: string[];
  phase?: string;
  ready?: boolean | null;
  status?: boolean;
  hostname?: string;
  subdomain?: string;
  containers?: Pod['spec'] extends infer S | undefined
    ? S extends { containers: infer C }
      ? C
      : never
    : never;
  initContainers?: never[];
  ports?: never[];
  finalizers?: string[];
  grace?: number;
}

export function recordedCases(area: string): RecordedCase[] {
  const file = join(import.meta.dirname, `../fixtures/controllers/${area}.json`);
  return JSON.parse(readFileSync(file, 'utf8')) as RecordedCase[];
}

/** The objects of one case's namespace. */
export class RecordedWorld {
  readonly pods = new Map<string, Pod>();
  readonly services = new Map<string, Service>();
  readonly nodes = new Map<string, Node>();
  #clock = Date.parse('2026-01-01T00:00:00Z');
  #serial = 0;

  constructor() {
    for (const [name, zone] of [
      ['base-0'],
      ['base-a', 'zone-a'],
      ['base-b', 'zone-b'],
      ['base-c', 'zone-c'],
    ] as const) {
      this.nodes.set(name, {
        metadata: { name, labels: zone ? { 'topology.kubernetes.io/zone': zone } : {} },
      });
    }
  }

  /** False: an operation that needs a server. */
  apply(operation: Json): boolean {
    const named = operation as unknown as PodOperation;
    switch (operation['op']) {
      case 'pod':
        this.pods.set(named.name, this.#pod(named));
        return true;
      case 'pod-status': {
        const pod = this.pods.get(named.name);
        if (pod !== undefined)
          this.pods.set(named.name, { ...pod, status: { ...pod.status, ...this.#status(named) } });
        return true;
      }
      case 'create':
        return (operation['objects'] as KubeObject[]).every((object) => this.#create(object));
      case 'patch':
        return this.#patch(operation);
      case 'delete':
        return this.#delete(operation['kind'] as string, named);
      default:
        return false;
    }
  }

  #identity(): { uid: string; creationTimestamp: string; namespace: string } {
    this.#serial++;
    return { uid: `uid-${this.#serial}`, creationTimestamp: this.#tick(), namespace: 'ns' };
  }

  #tick(): string {
    this.#clock += 1000;
    return new Date(this.#clock).toISOString().replace('.000Z', 'Z');
  }

  #create(object: KubeObject): boolean {
    if (object.kind !== 'Service') return false;
    const service = object as Service;
    const headless = service.spec?.clusterIP === 'None';
    const external = service.spec?.type === 'ExternalName';
    const dual = service.spec?.ipFamilyPolicy?.endsWith('DualStack') === true;
    const ipFamilies = dual ? ['IPv4', 'IPv6'] : ['IPv4'];
    const address = headless ? {} : { clusterIP: '10.96.0.9' };
    const allocated = external ? {} : { ipFamilies, ...address };
    const metadata = { ...service.metadata, ...this.#identity() };
    this.services.set(metadata.name ?? '', { ...service, metadata, spec: { ...allocated, ...service.spec } });
    return true;
  }

  #patch({ kind, name, patch }: Json): boolean {
    const objects: Map<string, KubeObject> | undefined =
      kind === 'Service' ? this.services : kind === 'Pod' ? this.pods : undefined;
    const object = objects?.get(name as string);
    if (objects === undefined || object === undefined) return false;
    const patched = applyMergePatch(object, patch) as KubeObject;
    const { deletionTimestamp, finalizers } = patched.metadata ?? {};
    if (deletionTimestamp && !finalizers?.length) objects.delete(name as string);
    else objects.set(name as string, patched);
    return true;
  }

  #delete(kind: string, { name, grace = 0 }: PodOperation): boolean {
    if (kind === 'Service') return this.services.delete(name);
    const pod = kind === 'Pod' ? this.pods.get(name) : undefined;
    if (pod === undefined) return false;
    const stays = grace > 0 || (pod.metadata?.finalizers ?? []).length > 0;
    if (stays)
      this.pods.set(name, { ...pod, metadata: { ...pod.metadata, deletionTimestamp: this.#tick() } });
    else this.pods.delete(name);
    return true;
  }

  #pod(operation: PodOperation): Pod {
    const { name, labels, node, hostname, subdomain, containers, initContainers, ports, finalizers, status } =
      operation;
    const nodeName = node === null ? undefined : (node ?? 'base-0');
    const metadata = { name, labels, finalizers, ...this.#identity() };
    const spec = {
      nodeName,
      hostname,
      subdomain,
      initContainers,
      containers: containers ?? [{ name: 'c', ports }],
    };
    const pod = { metadata, spec };
    return status === false ? pod : { ...pod, status: this.#status({ ready: true, ...operation }) };
  }

  #status({ phase = 'Running', ips, ready }: PodOperation): NonNullable<Pod['status']> {
    const conditions: PodCondition[] =
      ready === undefined || ready === null
        ? []
        : [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: this.#tick() }];
    return { phase, conditions, ...(ips && { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }) };
  }
}

const TRIGGER = 'endpoints.kubernetes.io/last-change-trigger-time';
const sorted = <T>(list: readonly T[]): T[] =>
  list.toSorted((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1));
const some = <T extends object>(value: T | undefined): T | undefined =>
  value !== undefined && Object.keys(value).length > 0 ? value : undefined;

/** As recordings write it: no uids, versions and times; lists sorted. */
export function normalizeSlice({ metadata, addressType, ports, endpoints }: EndpointSlice): Json {
  const { [TRIGGER]: trigger, ...annotations } = metadata?.annotations ?? {};
  return {
    name: `${metadata?.labels?.['kubernetes.io/service-name']?.slice(0, 58)}*`,
    labels: metadata?.labels,
    annotations: some(annotations),
    triggerTime: trigger !== undefined,
    owners: (metadata?.ownerReferences ?? []).map(({ kind, name }) => `${kind}/${name}`),
    addressType,
    ports: ports?.length ? sorted(ports) : null,
    endpoints: sorted((endpoints ?? []).map((endpoint) => ({ ...endpoint, targetRef: reference(endpoint) }))),
  };
}

export function normalizeEndpoints({ metadata, subsets }: Endpoints): Json {
  const { [TRIGGER]: trigger, ...annotations } = metadata?.annotations ?? {};
  const addresses = (
    list: { targetRef?: { kind?: string | undefined; name?: string | undefined } | undefined }[] | undefined,
  ) => list && sorted(list.map((address) => ({ ...address, targetRef: reference(address) })));
  return {
    name: metadata?.name,
    labels: some(metadata?.labels),
    annotations: some(annotations),
    triggerTime: trigger !== undefined,
    subsets:
      subsets &&
      sorted(
        subsets.map((subset) => ({
          addresses: addresses(subset.addresses),
          notReadyAddresses: addresses(subset.notReadyAddresses),
          ports: subset.ports && sorted(subset.ports),
        })),
      ),
  };
}

function reference({
  targetRef,
}: {
  targetRef?: { kind?: string | undefined; name?: string | undefined } | undefined;
}) {
  return targetRef && `${targetRef.kind}/${targetRef.name}`;
}

/** The recording's lists in the same form. */
export function expectedSlices(step: RecordedStep): Json[] {
  return step.expect.endpointslices.map((slice) => ({
    ...slice,
    name: String(slice['name']).replace(/-?\*$/, '*'),
    ports: slice['ports'] ?? null,
  }));
}

/** Objects as comparable text; `withTrigger` false where the recording leaves the trigger time to chance. */
export function comparable(objects: readonly Json[], withTrigger: boolean): string[] {
  return objects
    .map(({ triggerTime, ...rest }) => canonicalJson(withTrigger ? { triggerTime, ...rest } : rest))
    .sort();
}
