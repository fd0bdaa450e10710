// How objects of a kind are completed and judged, for a REST engine that knows no kind by name. `strategyFor()` always
// answers with a complete strategy: generic rules (metadata, generation, status kept apart) and the kind's own parts.
import type { ObjectMeta } from '#api/meta/v1.gen.ts';
import { partsFor } from '#api/strategies.ts';
import { toCanonical } from './canonical.ts';
import { applySchemaDefaults } from './defaulting.ts';
import { equalJson } from './equal.ts';
import type { FieldError } from './field-error.ts';
import type { KindInfo } from './kinds.ts';
import { type JsonObject, type KubeObject, metaOf } from './object.ts';
import { typeInfo } from './schema.ts';
import type { AnyParts } from './strategy-parts.ts';
import { SUBDOMAIN_NAME, validateMeta, validateMetaUpdate } from './validate-meta.ts';

/**
 * The complete behaviour of a kind. Order on create: decode, defaults, (admission), prepareForCreate, (allocations),
 * validateCreate, warnings. On update and patch: decode or patch + decode, defaults, prepareForUpdate, (allocations),
 * validateUpdate, warnings; on status likewise with the two Status methods. Objects are changed in place.
 */
export interface KindStrategy {
  readonly kind: KindInfo;
  /** PUT to a name that does not exist creates it. */
  readonly allowCreateOnUpdate: boolean;
  /** PUT without resourceVersion overwrites; the engine sets the current version before validateUpdate. */
  readonly allowUnconditionalUpdate: boolean;
  /** Schema defaults, then the kind's. */
  defaults(object: KubeObject): void;
  /** Drops what only the server sets (status, deletionTimestamp), starts the generation. */
  prepareForCreate(object: KubeObject): void;
  /** Everything that is wrong with a new object (it has its final name and namespace); [] when it may be stored. */
  validateCreate(object: KubeObject): FieldError[];
  /** Takes status and untouched system metadata from `old`, counts the generation. */
  prepareForUpdate(object: KubeObject, old: KubeObject): void;
  validateUpdate(object: KubeObject, old: KubeObject): FieldError[];
  /** Takes everything but status and metadata from `old`. */
  prepareForStatusUpdate(object: KubeObject, old: KubeObject): void;
  validateStatusUpdate(object: KubeObject, old: KubeObject): FieldError[];
  /** Texts of Warning headers for an accepted write. */
  warnings(object: KubeObject, old?: KubeObject): string[];
  /** Values that field selectors can ask for, by label; metadata.name and metadata.namespace always. */
  selectableFields(object: KubeObject): Record<string, string>;
}

const REPEATED_OWNERS = 'metadata.ownerReferences contains duplicate entries; the duplicates were dropped';
const strategies = new Map<KindInfo, KindStrategy>();

/** The strategy of a kind; made on first use. */
export function strategyFor(kind: KindInfo): KindStrategy {
  let strategy = strategies.get(kind);
  if (strategy === undefined) {
    strategy = new ComposedStrategy(kind, partsFor(kind));
    strategies.set(kind, strategy);
  }
  return strategy;
}

class ComposedStrategy implements KindStrategy {
  readonly kind: KindInfo;
  readonly allowCreateOnUpdate: boolean;
  readonly allowUnconditionalUpdate: boolean;
  private readonly own: AnyParts;
  private readonly repeatedOwners = new WeakSet<KubeObject>();
  private readonly hasStatus: boolean;

  constructor(kind: KindInfo, own: AnyParts) {
    this.kind = kind;
    this.own = own;
    this.allowCreateOnUpdate = own.allowCreateOnUpdate ?? false;
    this.allowUnconditionalUpdate = own.allowUnconditionalUpdate ?? true;
    this.hasStatus = 'status' in kind.subresources && typeInfo(kind.type).byName.has('status');
  }

  defaults(object: KubeObject): void {
    applySchemaDefaults(this.kind.type, object);
    this.own.defaults?.(object);
  }

  prepareForCreate(object: KubeObject): void {
    const meta = metaOf(object);
    delete meta.deletionTimestamp;
    delete meta.deletionGracePeriodSeconds;
    delete meta.selfLink;
    if (dropRepeatedOwners(meta)) this.repeatedOwners.add(object);
    if (this.hasStatus && this.own.keepsStatusOnCreate !== true) setStatus(object, this.emptyStatus());
    if (this.countsGenerations()) meta.generation = 1;
    this.own.prepareForCreate?.(object);
  }

  validateCreate(object: KubeObject): FieldError[] {
    const own = this.own.validate?.(object) ?? [];
    // Reviews are answered, not stored: they need no name.
    if (this.kind.list === undefined) return own;
    return [...validateMeta(metaOf(object), this.kind, this.own.checkName ?? SUBDOMAIN_NAME), ...own];
  }

  prepareForUpdate(object: KubeObject, old: KubeObject): void {
    keepSystemMetadata(object, old);
    if (this.hasStatus) setStatus(object, (old as JsonObject)['status']);
    this.own.prepareForUpdate?.(object, old);
    if (!this.countsGenerations()) return;
    const changed = !equalJson(this.counted(object), this.counted(old));
    metaOf(object).generation = (old.metadata?.generation ?? 0) + (changed ? 1 : 0);
  }

  validateUpdate(object: KubeObject, old: KubeObject): FieldError[] {
    return [...this.metaFindings(object, old), ...this.ownUpdateFindings(object, old)];
  }

  prepareForStatusUpdate(object: KubeObject, old: KubeObject): void {
    keepSystemMetadata(object, old);
    const target = object as JsonObject;
    for (const [name, value] of Object.entries(old)) {
      if (name !== 'metadata' && name !== 'status') target[name] = value;
    }
    for (const name of Object.keys(target)) {
      if (name !== 'status' && name !== 'metadata' && !(name in old)) delete target[name];
    }
    this.own.prepareForStatusUpdate?.(object, old);
  }

  validateStatusUpdate(object: KubeObject, old: KubeObject): FieldError[] {
    return [...this.metaFindings(object, old), ...(this.own.validateStatusUpdate?.(object, old) ?? [])];
  }

  warnings(object: KubeObject, old?: KubeObject): string[] {
    const own = this.own.warnings?.(object, old) ?? [];
    return this.repeatedOwners.has(object) ? [REPEATED_OWNERS, ...own] : own;
  }

  selectableFields(object: KubeObject): Record<string, string> {
    const { name = '', namespace = '' } = object.metadata ?? {};
    const own = this.own.selectableFields?.(object);
    return this.kind.namespaced
      ? { 'metadata.name': name, 'metadata.namespace': namespace, ...own }
      : { 'metadata.name': name, ...own };
  }

  private metaFindings(object: KubeObject, old: KubeObject): FieldError[] {
    const checkName = this.own.checkName ?? SUBDOMAIN_NAME;
    return validateMetaUpdate(metaOf(object), metaOf(old), this.kind, checkName);
  }

  private ownUpdateFindings(object: KubeObject, old: KubeObject): FieldError[] {
    if (this.own.validateUpdate !== undefined) return this.own.validateUpdate(object, old);
    return this.own.validate?.(object) ?? [];
  }

  /** A status that nobody has written yet, with the zeros that its type shows. */
  private emptyStatus(): unknown {
    const type = typeInfo(this.kind.type).byName.get('status')?.t;
    return type === undefined ? undefined : toCanonical(type, {});
  }

  private countsGenerations(): boolean {
    return this.own.generation !== undefined && this.own.generation !== 'none';
  }

  private counted(object: KubeObject): unknown {
    if (typeof this.own.generation === 'function') return this.own.generation(object);
    return { ...object, apiVersion: '', kind: '', metadata: undefined, status: undefined };
  }
}

/** One owner listed twice is one owner. */
function dropRepeatedOwners(meta: ObjectMeta): boolean {
  const owners = meta.ownerReferences ?? [];
  // By their text, which is the same for equal ones of one decoder: a body can hold very many.
  const distinct = [...new Map(owners.map((owner) => [JSON.stringify(owner), owner])).values()];
  if (distinct.length === owners.length) return false;
  meta.ownerReferences = distinct;
  return true;
}

function setStatus(object: KubeObject, status: unknown): void {
  const target = object as JsonObject;
  if (status === undefined) delete target['status'];
  else target['status'] = status;
}

/** What a client may leave out of an update because the server knows it. */
function keepSystemMetadata(object: KubeObject, old: KubeObject): void {
  const meta = metaOf(object);
  const before = metaOf(old);
  delete meta.selfLink;
  meta.uid ||= before.uid;
  meta.creationTimestamp = before.creationTimestamp;
  meta.deletionTimestamp ??= before.deletionTimestamp;
  meta.deletionGracePeriodSeconds ??= before.deletionGracePeriodSeconds;
  meta.generation = before.generation;
  for (const [name, value] of Object.entries(meta)) {
    if (value === undefined) delete (meta as JsonObject)[name];
  }
}
